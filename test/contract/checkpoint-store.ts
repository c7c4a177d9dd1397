import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointStore, Claim, RecordKey } from '../../src/checkpoint/index.ts'
import { actors, delta, INCARNATION, load, MARK, put } from '../support/checkpoint-records.ts'
import { checkpointDamage } from './checkpoint-damage.ts'
import { checkpointFence } from './checkpoint-fence.ts'
import { checkpointHistories } from './checkpoint-histories.ts'
import { checkpointNames } from './checkpoint-names.ts'

/** A fresh, empty store. */
export interface OpenedCheckpoints {
  store: CheckpointStore
  /** Flips a bit of what is kept of the record, or of all that is kept with it. */
  flip(partition: number, record: RecordKey, bit: number): Promise<void>
  /** a second handle on the same data */
  again(): Promise<CheckpointStore>
  destroy(): Promise<void>
}

const VALUES: unknown[] = [0, -1.5, '', 'text', true, null, [], [1, [2]], {}, { a: { b: null } }]

/** The contract of every checkpoint store. */
export function checkpointContract(name: string, open: () => Promise<OpenedCheckpoints>): void {
  checkpointNames(name, open)
  checkpointFence(name, open)
  checkpointDamage(name, open)
  checkpointHistories(name, open)

  describe(`the checkpoint store, ${name},`, () => {
    let opened: OpenedCheckpoints
    let store: CheckpointStore
    let claim: Claim

    beforeEach(async () => {
      opened = await open()
      store = opened.store
      claim = await store.claim(0, 'first')
    })
    afterEach(() => opened.destroy())

    test('gives the first claim of a partition cut 0 and no log', () => {
      expect(claim).toMatchObject({ partition: 0, owner: 'first', cut: 0, incarnation: null, mark: null })
    })

    test('mints a higher epoch with each claim, whoever claims', async () => {
      const other = await opened.again()
      const claims = [
        claim,
        await other.claim(0, 'second'),
        await store.claim(0, 'first'),
        await store.claim(0, 'first'),
      ]
      const epochs = claims.map(({ epoch }) => epoch)
      expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b))
    })

    test('gives a later claim the cut, the log and the records of the last commit', async () => {
      await store.commit(claim, 7, delta(actors(3, 'old')))
      await store.commit(claim, 9, delta(actors(2, 'new')))
      const other = await opened.again()
      const later = await other.claim(0, 'second')
      expect(later).toMatchObject({ cut: 9, incarnation: INCARNATION, mark: MARK })
      const values = (await load(other, later, { space: 'actor', names: [] })).map(({ value }) => value)
      expect(values).toEqual(['new', 'new', 'old'])
    })

    test('says in the claim what was committed', async () => {
      await store.commit(claim, 7, delta([]))
      expect(claim).toMatchObject({ cut: 7, incarnation: INCARNATION, mark: MARK })
    })

    test('can be looked at without a claim', async () => {
      const seen = [await store.peek(1), await store.peek(0)]
      expect(seen).toMatchObject([null, { cut: 0, incarnation: null }])
      await store.commit(claim, 7, delta([]))
      expect(await (await opened.again()).peek(0)).toEqual({ cut: 7, incarnation: INCARNATION, mark: MARK })
      await store.commit(claim, 8, delta([]))
    })

    test('forgets what is removed, and only that', async () => {
      await store.commit(claim, 1, delta(actors(3, 1)))
      await store.commit(claim, 2, delta([], [{ space: 'actor', names: ['viewer', 'v1'] }]))
      const kept = await load(store, claim, { space: 'actor', names: [] })
      expect(kept.map(({ names }) => names[1])).toEqual(['v0', 'v2'])
    })

    test('takes the removal of what is not there', async () => {
      await store.commit(claim, 1, delta(actors(1, 1), [{ space: 'outbox', names: ['none'] }]))
      expect(claim.cut).toBe(1)
    })

    test('keeps partitions apart', async () => {
      const other = await store.claim(1, 'first')
      await store.commit(claim, 5, delta(actors(1, 'of 0')))
      await store.commit(other, 8, delta(actors(2, 'of 1')))
      const [mine, its] = [await load(store, claim, actors(1, 0)[0]!), await load(store, other, actors(1, 0)[0]!)]
      expect([claim.cut, other.cut, mine[0]!.value, its[0]!.value]).toEqual([5, 8, 'of 0', 'of 1'])
    })

    test('lets the cut repeat', async () => {
      await store.commit(claim, 5, delta(actors(1, 'first')))
      await store.commit(claim, 5, delta(actors(1, 'second')))
      expect((await load(store, claim, { space: 'actor', names: [] })).map(({ value }) => value)).toEqual(['second'])
    })

    test('lands 20,000 records whole', async () => {
      const many = Array.from({ length: 20_000 }, (_, i) =>
        put('actor', ['viewer', `v${i}`], { i, text: 'x'.repeat(i % 300) }),
      )
      await store.commit(claim, 1, delta(many))
      const other = await opened.again()
      const found = await load(other, await other.claim(0, 'second'), { space: 'actor', names: [] })
      const kept = new Map(found.map(({ names, value }) => [names[1], value]))
      expect(many.filter(({ names, value }) => JSON.stringify(kept.get(names[1])) !== JSON.stringify(value))).toEqual(
        [],
      )
    })

    test('gives values back as they were, without what is undefined', async () => {
      const values = {
        ...{ zero: 0, negative: -7, part: 0.1, time: 1_700_000_000_123, great: Number.MAX_SAFE_INTEGER, nothing: null },
        ...{
          yes: true,
          no: false,
          empty: '',
          text: '漢字 😀 \u0000',
          list: [1, 'two', null, [true]],
          none: [],
          bare: {},
        },
        nested: { deep: { deeper: [{ a: 1 }, { b: 2 }] }, 'dotted.name': 1, $dollar: 2, '': 3 },
      }
      await store.commit(claim, 1, delta([put('actor', ['a'], { ...values, undefined: undefined })]))
      expect((await load(store, claim, { space: 'actor', names: ['a'] }))[0]!.value).toEqual(values)
    })

    test.each(VALUES.map(value => [value] as const))('takes %j as a value of its own', async value => {
      await store.commit(claim, 1, delta([put('aggregate', ['a'], value)]))
      expect(await load(store, claim, { space: 'aggregate', names: [] })).toEqual([put('aggregate', ['a'], value)])
    })
  })
}
