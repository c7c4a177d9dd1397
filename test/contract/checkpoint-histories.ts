import { describe, expect, test } from 'vitest'
import { allRecords, nameOf } from '../support/all-records.ts'
import { delta, load, put } from '../support/checkpoint-records.ts'
import { seeded } from '../support/random.ts'
import type { OpenedCheckpoints } from './checkpoint-store.ts'

const COMMITS = 300
const PARTITIONS = [1, 2, 3]

/** Long histories, as each checkpoint store has to keep them. */
export function checkpointHistories(name: string, open: () => Promise<OpenedCheckpoints>): void {
  describe(`a long history in the checkpoint store, ${name},`, () => {
    test('is as a model says, whoever goes on with it', async () => {
      const random = seeded('a checkpoint against a model')
      const opened = await open()
      const model = new Map<string, unknown>()
      let store = opened.store
      let claim = await store.claim(7, 'first')
      const key = () => {
        const n = `${random.int(0, 200)}`
        const day = random.pick([[''], ['day', `${random.int(1, 3)}`], ['day', `${random.int(1, 3)}`, '0']])
        return random.pick([
          put('actor', ['visitor', n, ...day]),
          put('deadline', [`visitor/${n}`]),
          put('aggregate', ['stream', n]),
          put('aggregate', ['totals']),
        ])
      }
      for (let cut = 1; cut <= COMMITS; cut++) {
        if (random.chance(0.03)) {
          store = await opened.again()
          claim = await store.claim(7, `${cut}`)
        }
        const puts = Array.from({ length: random.int(0, 40) }, () => ({ ...key(), value: [cut, 'x'.repeat(cut)] }))
        const removes = Array.from({ length: random.int(0, 10) }, key)
        await store.commit(claim, cut, delta(puts, removes))
        for (const record of puts) model.set(nameOf(record), record.value)
        for (const record of removes) model.delete(nameOf(record))
        if (random.chance(0.1)) expect(await allRecords(store, claim)).toEqual(model)
        const wanted = Array.from({ length: 5 }, key)
        const has = (name: string) => wanted.some(each => name.startsWith(nameOf(each).slice(0, -1)))
        const found = await load(store, claim, ...wanted)
        expect(new Set(found.map(nameOf))).toEqual(new Set([...model.keys()].filter(has)))
      }
      const last = await (await opened.again()).claim(7, 'last')
      expect([last.cut, await allRecords(store, await store.claim(7, 'again'))]).toEqual([COMMITS, model])
      await opened.destroy()
    }, 120_000)

    test('keeps the partitions of a thread apart, which commit at the same time', async () => {
      const opened = await open()
      const { store } = opened
      const claims = await Promise.all(PARTITIONS.map(n => store.claim(n, 'test')))
      const putsOf = (partition: number, cut: number) =>
        // Most of the first commit is not written again.
        Array.from({ length: cut === 1 ? 100 : 2 }, (_, n) =>
          put('actor', ['viewer', `v${n}`, ''], `${partition} ${cut}`),
        )
      for (let cut = 1; cut <= COMMITS; cut++)
        await Promise.all(claims.map(claim => store.commit(claim, cut, delta(putsOf(claim.partition, cut)))))
      for (const claim of claims) {
        const model = new Map<string, unknown>()
        for (let cut = 1; cut <= COMMITS; cut++)
          for (const { value, ...key } of putsOf(claim.partition, cut)) model.set(nameOf(key), value)
        expect(await allRecords(store, claim)).toEqual(model)
      }
      await opened.destroy()
    }, 120_000)
  })
}
