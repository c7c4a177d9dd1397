import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { cellsOf, GATES, type Gate, half, reaches } from '../bench/gates.ts'
import { ROOT, textOf } from './support/imports.ts'

/** Whether the first bound asks no more than the second one. */
const isNoHarder = (gate: Gate, bound: number, than: number): boolean => reaches(gate, than, bound)

const shown = (gate: Gate, value: number): string => `${gate.atMost ? '≤' : '≥'} ${value}`

describe('docs/performance.md', () => {
  test('lists every gate with its goal and what CI holds, and no other', () => {
    const rows = [
      ...textOf('docs/performance.md').matchAll(/^\| (.+) \| (.+) \| ([≤≥] .+) \| ([≤≥] .+) \| ([≤≥] .+) \|$/gm),
    ]
    const expected = GATES.map(gate => [
      ...[gate.claim, gate.against],
      ...[gate.gate, gate.goal, gate.held].map(value => shown(gate, value)),
    ])
    expect(rows.map(([, ...cells]) => cells)).toEqual(expected)
  })
})

describe.each(GATES)('the gate of $claim', gate => {
  test('asks no more than its goal', () => {
    expect(isNoHarder(gate, gate.gate, gate.goal)).toBe(true)
  })

  test('is held in CI by half of it, or less where that is not reached', () => {
    expect(isNoHarder(gate, gate.held, half(gate))).toBe(true)
  })

  test('is said in the table not to be reached where the ratio is worse, and only there', () => {
    const worse = gate.atMost ? gate.gate * 1.01 : gate.gate * 0.99
    const cell = (ratio: number): string => cellsOf({ ...gate, ratio, method: '' })[3]!
    expect(cell(worse)).toContain(`not reached (CI holds ${shown(gate, gate.held)})`)
    expect(cell(gate.gate)).toBe(shown(gate, gate.gate))
  })
})

test('a beat without counts is measured with all of them taken out of the files that have them', () => {
  const program = "await import('./src/shard/owned.ts'); await import('./src/documents/embedded.ts')"
  const args = ['--import', './bench/committed/uncounted.ts', '--input-type=module', '--eval', program]
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})
