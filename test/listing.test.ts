import { describe, expect, test } from 'vitest'
import { actorId } from '../actors/index.ts'
import { memoryLiveSets } from '../src/audience/memory.ts'
import type { ListQuery } from '../src/partition/listing.ts'
import { control } from '../src/shard/control.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const KIND = { kind: 'viewer', version: 1, upgrades: {} }
const WAITING: ListQuery = { kind: 'viewer', state: 'watching' }
const resident = (key: string, at = 0) => ({ key, kind: KIND, seq: 1, changedAt: at, state: 'watching' })

/** A shard of partitions with actors that are kept, and such that are in memory. */
function shard(kept: string[], loaded: Iterable<string> = [], partitions = [0]) {
  const time = new ManualTime()
  const residents = new Map([...loaded].map((key, i) => [actorId('viewer', key), resident(key, i)]))
  const seen = { looks: 0, turns: 0 }
  time.turn = async () => {
    seen.turns++
  }
  const partition = {
    residents: { list: () => [...residents.values()], has: (id: string) => residents.has(id) },
    kinds: new Map([['viewer', KIND]]),
    claim: { partition: 0 },
    applied: 0,
    async *keptOf() {
      seen.looks++
      for (const key of kept) yield { space: 'actor', names: ['viewer', key, ''], value: [1, 'watching', {}] }
    },
  }
  const processors = new Map(
    partitions.map(n => [
      n,
      { partition: { ...partition, claim: { partition: n } }, replayUntil: 0, stopped: undefined },
    ]),
  )
  const options = { partitions, processors, refused: new Map(), live: memoryLiveSets(time), time, faults: toldFaults() }
  const { listed } = control(options as never, {} as never)
  const keys = async (query: ListQuery, limit: number) => (await listed(query, limit)).actors.map(({ key }) => key)
  return { time, seen, residents, keys, listed }
}

describe('a list of actors', () => {
  test('is asked for at once, and again within ten seconds, and what is kept is looked through once', async () => {
    const { time, seen, keys } = shard(['ann', 'bob'])
    expect(await Promise.all([keys(WAITING, 10), keys(WAITING, 10)])).toEqual([
      ['ann', 'bob'],
      ['ann', 'bob'],
    ])
    expect([await keys(WAITING, 10), seen.looks]).toEqual([['ann', 'bob'], 1])
    await keys({ kind: 'viewer', begins: 'a' }, 10)
    expect(seen.looks).toBe(2)
    await time.advance(10_000)
    await keys(WAITING, 10)
    expect(seen.looks).toBe(3)
  })

  test('shows who came into memory since as they are by now, and nobody in their place twice or never', async () => {
    const { seen, residents, keys } = shard(['ann', 'bob', 'cat', 'dan'])
    expect(await keys(WAITING, 2)).toEqual(['ann', 'bob'])
    residents.set(actorId('viewer', 'ann'), { ...resident('ann'), state: 'away' })
    expect([await keys(WAITING, 2), seen.looks]).toEqual([['bob', 'cat'], 2])
    residents.set(actorId('viewer', 'zoe'), resident('zoe'))
    expect([await keys(WAITING, 9), await keys(WAITING, 9)]).toEqual(Array(2).fill(['bob', 'cat', 'dan', 'zoe']))
  })

  test('is of the first, or the latest, of however many, who are looked through in many turns', async () => {
    const names = Array.from({ length: 20_000 }, (_, n) => `u${String((n * 7_919) % 20_000).padStart(5, '0')}`)
    const { seen, keys } = shard([], names, [0, 1])
    expect(await keys(WAITING, 3)).toEqual(['u00000', 'u00000', 'u00001'])
    expect(seen.turns).toBeGreaterThanOrEqual(40)
    expect(await keys({ kind: 'viewer' }, 2)).toEqual([names.at(-1), names.at(-1)])
  })
})
