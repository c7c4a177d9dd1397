import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { OwnerDirectory } from '../src/ownership/directory.ts'
import type { Owner } from '../src/ownership/index.ts'
import { SteadyTime } from '../src/time.ts'
import { MINUTE, NOON } from './support/one-partition.ts'
import { TickingPartition } from './support/ticking-partition.ts'
import { ManualTime } from './support/time.ts'

const HOUR = 60 * MINUTE
const YEAR_2099 = Date.UTC(2099, 0)

let one: TickingPartition
let requests = 0

beforeEach(async () => {
  one = await new TickingPartition(NOON).start()
})
afterEach(async () => {
  await one.close()
  expect(one.faults.all).toEqual([])
})

const at = (arrival: number, kind: string, key: string, facts: object = {}): Event => ({
  ...{ kind, key, id: `${kind}-${++requests}`, at: arrival, arrival },
  ...facts,
})
const request = (arrival = one.time.now()): Event => at(arrival, 'feed.request', 'global')
const beat = (arrival = one.time.now()): Event =>
  at(arrival, 'heartbeat', 'ann', { path: '/', stream: null, country: 'ZZ', groups: [] })
const visit = (arrival: number, ts: number): Event =>
  at(arrival, 'web-event', 'v', { visit: { id: `e${requests}`, ts, page: '/' } })

/** The wall clock is an hour ahead for five seconds, in which all that a process stamps comes. */
async function wrongForFiveSeconds(): Promise<void> {
  one.machine.set(one.machine.now() + HOUR)
  await one.append(request(), beat())
  await one.machine.advance(5_000)
  one.machine.set(one.machine.now() - HOUR)
}

/** How long after `since` a feed ran, by the monotonic clock; as often as it did. */
const runsSince = (since: number): number[] =>
  one.performed.flatMap(({ kind, elapsed }) => (kind === 'feed.generate' && elapsed >= since ? [elapsed - since] : []))

async function asked(): Promise<number> {
  await one.append(request())
  return one.machine.monotonic()
}

describe('a clock that was an hour ahead for five seconds', () => {
  test('holds up no feed', async () => {
    await wrongForFiveSeconds()
    const since = await asked()
    await one.machine.advance(2 * MINUTE)
    expect(runsSince(since).length).toBeGreaterThan(0)
  })

  test('holds up no tick', async () => {
    await wrongForFiveSeconds()
    const before = (await one.ticks()).length
    await one.append(beat())
    await one.machine.advance(10 * MINUTE)
    expect((await one.ticks()).length).toBeGreaterThan(before)
    expect(await one.state('viewer', 'ann')).toBe('away')
  })

  test('is in no entry of the log', async () => {
    await wrongForFiveSeconds()
    await one.machine.advance(2 * MINUTE)
    for (const tick of await one.ticks()) expect(tick).toBeLessThan(NOON + 10 * MINUTE)
    expect(one.partitionTime).toBeLessThan(NOON + 10 * MINUTE)
  })
})

describe('an arrival far ahead that is in the log', () => {
  test.each([HOUR, YEAR_2099 - NOON])('by %d ms leaves partition time to its owner', async ahead => {
    await one.append(beat(NOON + ahead), request())
    await one.machine.advance(2 * MINUTE)
    expect(one.partitionTime - one.time.now()).toBeLessThan(MINUTE)
    expect(runsSince(0)).toHaveLength(1)
  })

  test('stops no web session from being closed for longer than a day', async () => {
    await one.append(visit(YEAR_2099, NOON))
    await one.machine.advance(25 * HOUR)
    expect(one.performed.map(({ kind }) => kind)).toContain('web-session.closed')
  })

  test('of a request for a feed holds up none that comes later', async () => {
    await one.append(request(YEAR_2099))
    await one.machine.advance(MINUTE)
    const since = await asked()
    await one.machine.advance(2 * MINUTE)
    expect(runsSince(since)).toHaveLength(1)
  })
})

describe('a bridge whose clock is an hour ahead of the owner', () => {
  test('has the time of the owner from its next look at it', async () => {
    const machine = new ManualTime(NOON + HOUR)
    const time = new SteadyTime(machine)
    const states: Owner['states'] = async () => [{ partition: 0, stopped: null, now: one.time.now() }]
    const log = { bounds: async () => ({ incarnation: 'i', first: 1, last: 0 }), failing: () => null }
    const owner = { states } as Partial<Owner> as Owner
    const directory = new OwnerDirectory({
      ...{ partitions: 1, others: owner, log, known: () => 0, applied() {}, time, faults: one.faults },
      heed: now => time.heed(now),
    })
    const watch = directory.watch()
    for (let second = 0; second < 10; second++) {
      await machine.advance(1_000)
      await one.machine.advance(1_000)
      expect(Math.abs(time.now() - one.time.now())).toBeLessThanOrEqual(1_000)
    }
    watch.close()
  })
})

describe('an owner whose clock was an hour ahead for ten minutes', () => {
  test('has ticks and feeds at their time when that is corrected', async () => {
    one.machine.set(one.machine.now() + HOUR)
    await one.machine.advance(2 * MINUTE)
    await asked()
    await one.machine.advance(8 * MINUTE)
    await one.append(request())
    one.machine.set(one.machine.now() - HOUR)
    await one.machine.advance(3 * MINUTE)
    const since = await asked()
    await one.append(beat())
    await one.machine.advance(2 * MINUTE)
    expect(runsSince(since)).toHaveLength(1)
    expect(Math.abs(one.partitionTime - one.machine.now())).toBeLessThan(2 * MINUTE)
    await one.machine.advance(10 * MINUTE)
    expect(await one.state('viewer', 'ann')).toBe('away')
  })
})

describe('a partition in which nothing happens', () => {
  test('hears once an hour what time it is', async () => {
    await one.machine.advance(5 * HOUR)
    expect(await one.ticks()).toHaveLength(5)
    expect(one.time.now() - one.partitionTime).toBeLessThan(HOUR + MINUTE)
  })
})
