import { describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { memoryLiveSets } from '../src/audience/memory.ts'
import { underWay } from '../src/bridge/under-way.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import { RollcallError } from '../src/errors.ts'
import type { EventLog } from '../src/log/index.ts'
import { LogInMemory } from '../src/log/memory.ts'
import { foremost, joinedWork, leftOf, shareOf, tellWork, type Work, Works } from '../src/observe/work.ts'
import { OwnerDirectory } from '../src/ownership/directory.ts'
import type { PartitionState } from '../src/ownership/index.ts'
import { own } from '../src/shard/owned.ts'
import { adder } from './support/adder.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const work = (more: Partial<Work> = {}): Work => ({
  ...{ name: 'replay', unit: 'entries', done: 1, total: 4, since: 5 },
  ...more,
})

describe('long work', () => {
  test('is asked how far it is, until it is ended or says that it is over', async () => {
    const time = new ManualTime(1_000)
    const works = new Works(time)
    let done: number | null = 3
    works.begin('replay', 'entries', () => (done === null ? null : { done, total: 10 }))
    const end = works.begin('adoption', 'documents', () => ({ done: 7, total: null }))
    done = 4
    expect(works.list).toEqual([
      { name: 'replay', unit: 'entries', done: 4, total: 10, since: 1_000 },
      { name: 'adoption', unit: 'documents', done: 7, total: null, since: 1_000 },
    ])
    end()
    done = null
    expect(works.list).toEqual([])
    done = 5
    expect(works.list).toEqual([])
  })

  test('of several places adds up, from the earliest on; what has no known end has none in all', () => {
    const open = work({ name: 'deadlines', unit: 'deadlines', total: null })
    expect(
      joinedWork([work(), open, work({ done: 2, since: 3 }), { ...open, total: 9 }, work({ total: 1, done: 0 })]),
    ).toEqual([work({ done: 3, total: 9, since: 3 }), { ...open, done: 2 }])
  })

  test('has a share, and an end that its pace lets expect', () => {
    expect([shareOf(work()), shareOf(work({ total: null })), shareOf(work({ total: 0 })), shareOf(work({ done: 9 }))]) //
      .toEqual([0.25, null, null, 1])
    expect([leftOf(work(), 10_005), leftOf(work(), 1_005), leftOf(work({ done: 0 }), 10_005)]) //
      .toEqual([30_000, null, null])
  })

  test('is shown one until it ends, and then what is furthest from its end', () => {
    const [claim, replay] = [work({ name: 'claim', done: 3 }), work()]
    expect(foremost([claim, replay], undefined)).toBe(replay)
    expect(foremost([claim, replay], 'claim')).toBe(claim)
    expect(foremost([replay], 'claim')).toBe(replay)
    expect(foremost([], 'claim')).toBeUndefined()
  })

  test('is told of while there is any, and once when there is none left', async () => {
    const time = new ManualTime()
    const told: number[] = []
    let all: Work[] = []
    const cancel = tellWork(
      () => all,
      each => told.push(each.length),
      1_000,
      time,
    )
    await time.advance(2_000)
    expect(told).toEqual([])
    all = [work()]
    await time.advance(2_000)
    all = []
    await time.advance(3_000)
    expect(told).toEqual([1, 1, 0])
    cancel()
  })
})

describe('a shard', () => {
  const event = (n: number): Event => ({ kind: 'add', key: `k${n}`, id: '', at: 1, arrival: 1, n: 1 })

  test('says which partitions it has claimed, and how far their replay is', async () => {
    const time = new ManualTime()
    const kept = new LogInMemory({ partitions: 2, settings: {}, time }).open()
    for (let n = 0; n < 5; n++) {
      const appended = kept.append(0, [event(n)])
      await time.advance(10)
      await appended
    }
    const gate = Promise.withResolvers<void>()
    const log: EventLog = {
      ...kept,
      async *read(partition, after, signal) {
        for await (const entries of kept.read(partition, after, signal)) {
          yield entries.slice(0, 2)
          if (partition === 0) await gate.promise
          yield entries.slice(2)
        }
      },
    }
    const { control } = own({
      ...{ owner: 'test', kinds: [adder(() => false)], rules: { zone: 'UTC', inactivityMs: 1, gapMs: 1, lateMs: 1 } },
      ...{ log, store: memoryCheckpoints(), documents: memoryDocuments({ time }), live: memoryLiveSets(time) },
      ...{ partitions: 2, flushMs: 10, time, faults: toldFaults(), faultsOf: toldFaults, owned: [0, 1] },
      receiverOf: () => ({ perform: async () => ({ outcome: 'done' as const }) }),
      giveUp: () => {},
    })
    const under = async () =>
      joinedWork((await control.status()).flatMap(({ work }) => work)).map(
        ({ name, done, total }) => `${name} ${done}/${total}`,
      )
    expect(await under()).toEqual(['claim 0/2'])
    await control.claimed()
    await time.settle(20)
    expect(await under()).toContain('replay 2/6')
    gate.resolve()
    await time.settle(50)
    expect(await under()).toEqual([])
    await control.drain()
  })
})

describe('the long work of all partitions', () => {
  const silent = { stopped: { code: 'RC_SHARD_TIMEOUT', message: '' } }
  const at = (done: number, total: number) => ({ stopped: null, work: [work({ done, total })] })
  const over = { stopped: null, work: [] }

  /** How far the replay is after each look, as a directory has it: done of total. */
  async function seen(...looks: { stopped: PartitionState['stopped']; work?: Work[] }[][]): Promise<string[]> {
    const all = looks.map(each => each.map((state, partition) => ({ partition, ...state })))
    const owner = { states: async () => all.shift() ?? Promise.reject(new RollcallError('RC_NO_OWNER')) }
    const known = { known: () => 0, applied() {}, heed() {}, log: {} as never }
    const directory = new OwnerDirectory({
      ...{ partitions: 2, others: owner as never, ...known, time: new ManualTime(), faults: toldFaults() },
    })
    const far: string[] = []
    for (let n = 0; n <= looks.length; n++) {
      await directory.look()
      const [replay] = underWay({ works: new Works(new ManualTime()), directory })
      far.push(replay ? `${replay.done}/${replay.total}` : 'over')
    }
    return far
  }

  test('stays whole while a shard, or the owner, tells nothing of its part', async () => {
    expect(await seen([at(1, 4), at(2, 6)], [at(2, 4), silent], [silent, silent])) //
      .toEqual(['3/10', '4/10', '4/10', '4/10'])
  })

  test('is over in all partitions at once', async () => {
    expect(await seen([at(1, 4), at(2, 6)], [over, at(3, 6)], [over, silent], [over, at(5, 6)], [over, over])) //
      .toEqual(['3/10', '7/10', '7/10', '9/10', 'over', 'over'])
  })

  test('is over where the last to be heard of was silent in between', async () => {
    expect(await seen([at(1, 4), at(2, 6)], [over, silent], [over, over])).toEqual(['3/10', '6/10', 'over', 'over'])
  })

  test('counts anew what begins anew', async () => {
    expect(await seen([at(4, 4), at(2, 6)], [at(1, 5), at(3, 6)])).toEqual(['6/10', '4/11', '4/11'])
  })
})
