import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointStore, Claim, RecordKey } from '../../src/checkpoint/index.ts'
import { delta, load, put } from '../support/checkpoint-records.ts'
import type { OpenedCheckpoints } from './checkpoint-store.ts'

const LONG = ['x'.repeat(256), 'é'.repeat(128), '😀'.repeat(64), '\u0000'.repeat(256), '\u0001'.repeat(256)]
const ODD_NAMES = [
  ...['', 'a', 'ab', 'a ', 'A', ' ', '0', '1', '-1', '1.5', 'true', 'null', 'undefined', '__proto__', 'constructor'],
  ...['#', '/', 'a/b', 'a#b', '.', '$', 'a.b', '$a', '\\', '"'],
  ...['\n', '\u0000', 'a\u0000', 'a\u0000b', '\u001f', '\u007f'],
  ...['é', 'e\u0301', 'ÿ', '\u0080', '\uffff', '\ufffd', '漢字', '😀', '👩‍👩‍👧', 'ab\u202e'],
  ...LONG,
  // control characters in names that are longer than 64 characters
  ...Array.from({ length: 32 }, (_, code) => `${'x'.repeat(70)}${String.fromCharCode(code)}y`),
]

/** By what names records are found. */
export function checkpointNames(name: string, open: () => Promise<OpenedCheckpoints>): void {
  describe(`the names of records in the checkpoint store, ${name},`, () => {
    let opened: OpenedCheckpoints
    let store: CheckpointStore
    let claim: Claim

    beforeEach(async () => {
      opened = await open()
      store = opened.store
      claim = await store.claim(0, 'first')
    })
    afterEach(() => opened.destroy())

    const namesOf = async (...keys: RecordKey[]): Promise<string[]> =>
      (await load(store, claim, ...keys)).map(({ space, names }) => [space, ...names].join(' ')).sort()

    describe('loads', () => {
      const all = [
        ...[
          put('actor', ['viewer', 'a', '']),
          put('actor', ['visitor', 'a', '']),
          put('actor', ['visitor', 'a', 'day']),
        ],
        ...[put('actor', ['visitor', 'ab', '']), put('deadline', ['visitor']), put('outbox', ['a'])],
      ]
      beforeEach(() => store.commit(claim, 1, delta(all)))

      test.each<[what: string, keys: RecordKey[], found: string[]]>([
        ['a space', [{ space: 'deadline', names: [] }], ['deadline visitor']],
        [
          'by the first name',
          [{ space: 'actor', names: ['visitor'] }],
          ['actor visitor a ', 'actor visitor a day', 'actor visitor ab '],
        ],
        ['by two names', [{ space: 'actor', names: ['visitor', 'a'] }], ['actor visitor a ', 'actor visitor a day']],
        ['by all names', [{ space: 'actor', names: ['visitor', 'a', ''] }], ['actor visitor a ']],
        [
          'several keys',
          [
            { space: 'outbox', names: ['a'] },
            { space: 'actor', names: ['viewer', 'a'] },
          ],
          ['actor viewer a ', 'outbox a'],
        ],
        ['nothing by a part of a name', [{ space: 'actor', names: ['visit'] }], []],
        ['nothing of an empty space', [{ space: 'parked', names: [] }], []],
        ['nothing without a key', [], []],
      ])('%s', async (_, keys, found) => {
        expect(await namesOf(...keys)).toEqual(found)
      })
    })

    test('compares names whole and gives them back as they were', async () => {
      await store.commit(claim, 1, delta(ODD_NAMES.map((odd, i) => put('actor', ['visitor', odd, ''], i))))
      for (const [i, odd] of ODD_NAMES.entries()) {
        const key: RecordKey = { space: 'actor', names: ['visitor', odd] }
        expect(await load(store, claim, key)).toEqual([put('actor', ['visitor', odd, ''], i)])
      }
    })

    test('removes exactly the record of the names', async () => {
      await store.commit(claim, 1, delta(ODD_NAMES.map((odd, i) => put('actor', ['visitor', odd], i))))
      for (const [i, odd] of ODD_NAMES.entries()) {
        await store.commit(claim, i + 2, delta([], [{ space: 'actor', names: ['visitor', odd] }]))
        expect(await load(store, claim, { space: 'actor', names: [] })).toHaveLength(ODD_NAMES.length - i - 1)
      }
    })

    test('keeps apart what names that are no texts name', async () => {
      const names = [undefined, null, 7, true, {}, ['x'], 'x', ''] as string[]
      await store.commit(claim, 1, delta(names.map((name, i) => put('aggregate', ['stream', name, 'attendance'], i))))
      for (const [i, name] of names.entries()) {
        const found = await load(store, claim, { space: 'aggregate', names: ['stream', name] })
        expect(found.map(({ value }) => value)).toEqual([i])
      }
    })

    test.each(
      LONG.map(long => [JSON.stringify(long[0]), long] as const),
    )('takes three names full of %s', async (_, long) => {
      const record = put('actor', [long, long, long], 1)
      await store.commit(claim, 1, delta([record]))
      expect(await load(store, claim, { space: 'actor', names: [long, long, long] })).toEqual([record])
    })
  })
}
