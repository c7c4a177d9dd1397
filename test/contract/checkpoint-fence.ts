import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointStore, Claim } from '../../src/checkpoint/index.ts'
import { actors, delta, load } from '../support/checkpoint-records.ts'
import { seeded } from '../support/random.ts'
import type { OpenedCheckpoints } from './checkpoint-store.ts'

/** The fence of every checkpoint store: one owner may commit, and none before it. */
export function checkpointFence(name: string, open: () => Promise<OpenedCheckpoints>): void {
  describe(`the fence of the checkpoint store, ${name},`, () => {
    let opened: OpenedCheckpoints
    let store: CheckpointStore
    let claim: Claim

    beforeEach(async () => {
      opened = await open()
      store = opened.store
      claim = await store.claim(0, 'first')
    })
    afterEach(() => opened.destroy())

    test.each(['the same handle', 'another handle'])('fences a claim by a later one from %s', async who => {
      await store.commit(claim, 3, delta(actors(2, 'before')))
      const other = who === 'the same handle' ? store : await opened.again()
      const later = await other.claim(0, 'second')
      const refused = store.commit(claim, 4, delta(actors(3, 'after'), [{ space: 'actor', names: ['viewer', 'v0'] }]))
      await expect(refused).rejects.toMatchObject({ code: 'RC_FENCED' })
      const values = (await load(other, later, { space: 'actor', names: [] })).map(({ value }) => value)
      expect([claim.cut, later.cut, (await other.claim(0, 'third')).cut, values]).toEqual([
        3,
        3,
        3,
        ['before', 'before'],
      ])
    })

    test('lets a commit land before a claim or be fenced by it, never both, never a part', async () => {
      const random = seeded('commit against claim')
      const stores = [store, await opened.again()] as const
      let cut = 0
      for (let race = 1; race <= 50; race++) {
        const [mine, other] = race % 2 === 0 ? stores : [stores[1], stores[0]]
        const old = await mine.claim(0, 'old')
        await mine.commit(old, ++cut, delta(actors(50, cut)))
        const before = cut++
        const turns = [random.int(0, 3), random.int(0, 3)] as const
        const [committed, claimed] = await Promise.allSettled([
          turnsLater(turns[0], () => mine.commit(old, cut, delta(actors(50, cut)))),
          turnsLater(turns[1], () => other.claim(0, 'new')),
        ])
        if (claimed.status === 'rejected') throw claimed.reason
        if (committed.status === 'rejected') expect(committed.reason).toMatchObject({ code: 'RC_FENCED' })
        const seen = committed.status === 'fulfilled' ? cut : before
        const records = await load(other, claimed.value, { space: 'actor', names: [] })
        expect([race, claimed.value.cut, old.cut, new Set(records.map(({ value }) => value))]).toEqual([
          ...[race, seen, seen, new Set([seen])],
        ])
        await other.commit(claimed.value, ++cut, delta([]))
        await expect(mine.commit(old, cut, delta([]))).rejects.toMatchObject({ code: 'RC_FENCED' })
      }
    })
  })
}

async function turnsLater<T>(turns: number, work: () => Promise<T>): Promise<T> {
  for (let n = 0; n < turns; n++) await nextTurn()
  return work()
}
