import { describe, expect, test } from 'vitest'
import { partitionOf } from '../src/log/partition-of.ts'
import { seeded } from './support/random.ts'

const ALL = 2 ** 32

/** FNV-1a by its definition, over the UTF-8 bytes. */
function fnv1a32(text: string): number {
  let hash = 0x811c9dc5n
  for (const byte of new TextEncoder().encode(text)) hash = ((hash ^ BigInt(byte)) * 0x01000193n) % 2n ** 32n
  return Number(hash)
}

describe('the partition of a key', () => {
  test.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['b', 0xe70c2de5],
    ['foobar', 0xbf9cf968],
  ])('is the published FNV-1a hash of %j', (key, hash) => {
    expect(partitionOf(key, ALL)).toBe(hash)
  })

  test.each([
    'é',
    'naïve',
    'Zoë-7',
    '漢字',
    '😀',
    'a😀',
    '\u007f',
    '\u0080',
    '\u07ff',
    '\u0800',
    '\uffff',
    '\ud800',
  ])('is the hash of the UTF-8 bytes of %j', key => {
    expect(partitionOf(key, ALL)).toBe(fnv1a32(key))
  })

  test('is the hash of the UTF-8 bytes of any key', () => {
    const random = seeded('partition of a key')
    const unit = (): string => String.fromCharCode(random.int(0, random.pick([0x7f, 0xff, 0xffff])))
    for (let n = 0; n < 5_000; n++) {
      const key = Array.from({ length: random.int(0, 40) }, unit).join('')
      expect([key, partitionOf(key, ALL)]).toEqual([key, fnv1a32(key)])
    }
  })

  test.each([1, 2, 16, 100])('is the remainder of the hash by %i partitions', partitions => {
    const keys = Array.from({ length: 500 }, (_, n) => `user-${n}-é`.slice(0, n % 2 === 0 ? -2 : undefined))
    expect(keys.map(key => partitionOf(key, partitions))).toEqual(keys.map(key => fnv1a32(key) % partitions))
  })

  test('spreads keys evenly', () => {
    const counts = Array(16).fill(0)
    for (let n = 0; n < 16_000; n++) counts[partitionOf(`user-${n}`, 16)]++
    expect([Math.min(...counts) > 800, Math.max(...counts) < 1_200]).toEqual([true, true])
  })
})
