import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import { localDay } from '../machines/local-day.ts'
import { DAY_VISITS } from '../machines/visits.ts'
import { memoryLiveSets } from '../src/audience/memory.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import type { Receiver } from '../src/effects/index.ts'
import { LogInMemory } from '../src/log/memory.ts'
import { adopt } from '../src/ownership/adopt.ts'
import { Processor } from '../src/partition/processor.ts'
import { adoptVisitorDay } from '../src/receivers/adopt-visitor-day.ts'
import { Recomputation, type RecomputationRequest } from '../src/recomputation/index.ts'
import type { OwnLog } from '../src/stores.ts'
import { systemTime as time } from '../src/time.ts'
import { MINUTE, NOON } from './support/one-partition.ts'
import { toldFaults } from './support/time.ts'
import { DAY, documents, logged, shown, visit } from './support/two-lives.ts'
import { type WebEvent, type WebSession, webSessions } from './support/web-session-oracle.ts'

const rules = { zone: 'UTC', inactivityMs: 30 * MINUTE, gapMs: 300_000, lateMs: 3_600_000 }
const TAIPEI = { zone: 'Asia/Taipei', inactivityMs: rules.inactivityMs, formerZone: 'UTC' }

/** A partition that runs over the documents, with a log and a checkpoint of its own; after another one it adopts. */
async function life({ adopts = false } = {}) {
  const held = new LogInMemory({ partitions: 1, settings: {}, time })
  const [log, store] = [held.open(), memoryCheckpoints()]
  if (adopts) expect(await adopt({ log: log as unknown as OwnLog, store, documents, partitions: 1, time })).toEqual([0])
  const adopting = adoptVisitorDay({ documents }) as unknown as Receiver
  const processor = await Processor.claim(0, {
    ...{ owner: 'test', kinds: KINDS, rules, log, store, documents, live: memoryLiveSets(time), partitions: 1 },
    receiverOf: kind => (kind === 'visitor-day.adopt' ? adopting : { perform: async () => ({ outcome: 'done' }) }),
    ...{ flushMs: 10, time, faults: toldFaults() },
  })
  const run = async (...events: Event[]): Promise<void> => {
    await processor.committer.settled(await log.append(0, events), 10_000)
  }
  const recompute = async (request: Partial<RecomputationRequest> = {}, mostDays?: number) => {
    const asked = { id: 'r', from: 0, visitors: null, change: null, ...request }
    const recomputation = new Recomputation({ processor, log, store, documents, partitions: 1, time }, asked, mostDays)
    await recomputation.ended
    return recomputation.progress
  }
  return { processor, run, recompute }
}

const of = (sessionId: string): WebEvent[] =>
  [0, 1, 2].flatMap(day =>
    [0, 3, 9].map(hour => visit(`${day}-${hour}`, NOON + day * DAY + hour * 60 * MINUTE, { sessionId })),
  )
const seen = async (): Promise<WebSession[]> => (await shown()) as unknown as WebSession[]
const expected = (events: WebEvent[], zone: string): WebSession[] =>
  webSessions(events, rules.inactivityMs, ts => localDay(ts, zone)).sort((a, b) => (a.id < b.id ? -1 : 1))

test('a recomputation leaves the documents of a visitor who is stuck, and shows them again with its retry', async () => {
  const { processor, run, recompute } = await life()
  const [v, w] = [of('v'), of('w')]
  const broken = { ...logged(visit('x', NOON)), visit: { page: 7 } }
  await run(...[...v, ...w].map(logged), broken)
  expect(processor.partition.parking.has('visitor/v')).toBe(true)
  await recompute({ change: TAIPEI })
  expect(await seen()).toEqual([...expected(v, 'UTC'), ...expected(w, 'Asia/Taipei')])
  await run({ kind: 'parked.drop', key: '', id: '', at: NOON, arrival: NOON, actor: 'visitor/v' })
  expect(await seen()).toEqual([...expected(v, 'Asia/Taipei'), ...expected(w, 'Asia/Taipei')])
  await processor.drain()
})

test('a recomputation brings a changed zone also to days that documents alone know', async () => {
  const former = await life()
  const events = [...of('v'), ...of('w')]
  await former.run(...events.map(logged))
  await former.processor.drain()
  const { processor, run, recompute } = await life({ adopts: true })
  const new_ = visit('new', NOON + 5 * MINUTE)
  await run(logged(new_))
  await recompute({ change: TAIPEI })
  expect(await seen()).toEqual(expected([...events, new_], 'Asia/Taipei'))
  await run(...events.map(logged))
  expect(await seen()).toEqual(expected([...events, new_], 'Asia/Taipei'))
  await processor.drain()
})

test('a recomputation goes in rounds where there are more days than it may know at once', async () => {
  const { processor, run, recompute } = await life()
  const events = Array.from({ length: 40 }, (_, i) => of(`v${i}`)).flat()
  await run(...events.map(logged))
  const progress = await recompute({ change: TAIPEI }, 10)
  expect(progress).toEqual({ visitors: 40, days: 120, found: 120, isDone: true })
  expect(await seen()).toEqual(expected(events, 'Asia/Taipei'))
  await processor.drain()
})

test.each([
  [TAIPEI, 21, ['2026-01-02', '2026-01-03']],
  [{ zone: 'America/New_York', inactivityMs: rules.inactivityMs, formerZone: 'UTC' }, 2, ['2025-12-31', '2026-01-01']],
])('a recomputation costs a full day nothing of what it lets go of, going to %j', async (change, hour, days) => {
  const { processor, run, recompute } = await life()
  const at = NOON + (hour - 12) * 60 * MINUTE
  const full = (day: number, count: number): WebEvent[] =>
    Array.from({ length: count }, (_, i) => visit(`${day}-${i}`, at + day * DAY + i))
  // The day to which the visits of the other go is full before its own have gone.
  const counts = hour > 12 ? [10, DAY_VISITS] : [DAY_VISITS, 10]
  const all = [...full(0, counts[0]!), ...full(1, counts[1]!)].map(logged)
  for (let i = 0; i < all.length; i += 1_000) await run(...all.slice(i, i + 1_000))
  await recompute({ change })
  expect((await seen()).map(({ day, eventCount }) => [day, eventCount])).toEqual(days.map((day, i) => [day, counts[i]]))
  await processor.drain()
})

test('a recomputation of some visitors touches no other', async () => {
  const { processor, run, recompute } = await life()
  await run(...[...of('v'), ...of('w')].map(logged))
  expect(await recompute({ visitors: ['w', 'nobody'], change: TAIPEI })).toMatchObject({ visitors: 1, days: 3 })
  expect(await seen()).toEqual([...expected(of('v'), 'UTC'), ...expected(of('w'), 'Asia/Taipei')])
  await processor.drain()
})
