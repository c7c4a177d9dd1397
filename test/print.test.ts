import { globSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { table } from '../src/cli/looking/table.ts'
import { describe as described } from '../src/cli/main.ts'
import { RollcallError } from '../src/errors.ts'
import { json, plain, plainLines } from '../src/observe/plain.ts'
import { ROOT, textOf } from './support/imports.ts'

/** Codes of all characters that move a cursor, end a line, or turn a text around. */
const UNSAFE = [
  ...Array.from({ length: 32 }, (_, code) => code),
  ...Array.from({ length: 33 }, (_, i) => 0x7f + i),
  ...[0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e],
  ...[0x2066, 0x2067, 0x2068, 0x2069],
]
const hostile = String.fromCharCode(...UNSAFE)
const isSafe = (text: string): boolean => [...text].every(char => !UNSAFE.includes(char.codePointAt(0)!))

describe('what the command line writes on a terminal', () => {
  test('shows every character that would move its cursor, and leaves all others', () => {
    expect(isSafe(plain(hostile))).toBe(true)
    expect(plain('\u001b[2J \u202e')).toBe('\\x1b[2J \\u202e')
    const fine = 'Zoë 台北 שלום 👩‍👩‍👧 \\ "'
    expect([plain(fine), plainLines('a\nb')]).toEqual([fine, 'a\nb'])
  })

  test('is the same JSON, of which none moves it', () => {
    const value = { [hostile]: hostile, other: ['Zoë 台北 👩‍👩‍👧'] }
    expect(isSafe(json(value))).toBe(true)
    expect(JSON.parse(json(value))).toEqual(value)
  })

  test('is a table of a line a row, whatever is in its cells', () => {
    const lines = table(['A', 'B'], [[hostile, { title: hostile }]]).split('\n')
    expect([lines.length, lines.every(isSafe)]).toEqual([2, true])
  })

  test('is a table of as many rows as there are', () => {
    expect(table(['A', 'B'], Array(200_000).fill(['a', 'b'])).length).toBe(200_001 * 5 - 1)
  })

  test('is the message of an error of another program', () => {
    expect(isSafe(plainLines(described(new RollcallError('RC_INTERNAL', hostile))).replaceAll('\n', ''))).toBe(true)
  })

  test('goes through one place', () => {
    const others = globSync('src/cli/**/*.ts', { cwd: ROOT }).filter(file => !file.endsWith('looking/print.ts'))
    const writers = others.filter(file => /\bconsole\.|std(out|err)\.write\(/.test(textOf(file)))
    expect(writers).toEqual([])
  })
})
