import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Event } from '../actors/event.ts'
import { actorId } from '../actors/index.ts'
import { KINDS } from '../actors/kinds.ts'
import { fork } from '../src/inspect/fork.ts'
import type { Frame } from '../src/inspect/frame.ts'
import { Tap } from '../src/inspect/tap.ts'
import { encode, entryOf } from '../src/log/entries.ts'
import { Transitions } from '../src/partition/transitions.ts'
import type { Past } from '../src/past/index.ts'
import { pastOf } from '../src/past/past.ts'
import { history } from './support/history.ts'
import { KeptLog } from './support/kept-log.ts'
import { NOON, OnePartition, tick } from './support/one-partition.ts'
import { type Random, seeded } from './support/random.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const RULES = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }
const ACTORS = [
  ...['u0', 'u1', 'u2', 'u3'].map(key => ['viewer', key] as const),
  ...['v0', 'v1', 'v2'].map(key => ['visitor', key] as const),
  ['streamer-session', 'streamer'] as const,
]

let log: KeptLog
beforeEach(() => {
  log = new KeptLog()
})
afterEach(() => log.close())

const kindOf = (name: string) => KINDS.find(({ kind }) => kind === name)!

const past = (
  name: string,
  key: string,
  limit = 500,
  time = new ManualTime(),
  stop = new Int32Array(1),
): Promise<Past> => {
  const order = { partition: 0, kind: kindOf(name), key, limit, rules: RULES, until: log.entries.length, stop }
  return pastOf(order, { log: log.peek, slices: log.slices, time, faults: toldFaults() })
}

/** A partition that goes on, and what somebody would have seen who watched all of its actors. */
class Life {
  readonly seen = new Map<string, Frame[]>()
  readonly #one: OnePartition
  readonly #hasRows: boolean

  constructor(one: OnePartition, hasRows: boolean) {
    this.#one = one
    this.#hasRows = hasRows
  }

  static async begin(hasRows: boolean): Promise<Life> {
    return new Life(await OnePartition.claim({ rules: RULES, hasRows }), hasRows)
  }

  get one(): OnePartition {
    return this.#one
  }

  async apply(...entries: Event[][]): Promise<void> {
    const { partition } = this.#one
    const { transitions } = partition.residents
    const tap = new Tap({
      show: (kind, snapshot) => transitions.persist(kind, snapshot),
      time: new ManualTime(),
      faults: toldFaults(),
    })
    for (const [kind, key] of ACTORS) tap.watch(actorId(kind, key))
    partition.tap = tap
    for (const events of entries) {
      const seq = log.entries.length + 1
      log.entries.push(this.#hasRows ? entryOf(0, seq, encode(events)) : { seq, events })
    }
    await this.#one.applyTogether(...entries)
    for (const [kind, key] of ACTORS) {
      const id = actorId(kind, key)
      const frames = tap
        .find(id)!
        .ring.after(0)
        .texts.map((text): Frame => JSON.parse(text))
      this.seen.set(id, [...(this.seen.get(id) ?? []), ...frames])
    }
  }
}

const freeing = (random: Random, at: number): Event => ({
  ...{ kind: random.pick(['parked.retry', 'parked.drop']), key: '', id: '', at, arrival: at },
  actor: random.pick(['viewer/u0', 'visitor/v0']),
})

/** Beats of viewers that stay where they are for a while, so that most are pulses; some that nobody can take. */
function beats(random: Random, now: number, hasPoison: boolean): Event[] {
  const key = random.pick(['u0', 'u1', 'u2', 'u3'])
  const stream = random.pick([null, 'a', 'b'])
  const place = {
    path: stream ? `/live/${stream}` : '/',
    stream,
    country: 'TW',
    groups: hasPoison && key === 'u0' && random.chance(0.7) ? [7] : [],
  }
  return Array.from({ length: random.int(1, 8) }, (_, n) => {
    const at = now + n * 30_000
    return { kind: 'heartbeat', key, id: '', at, arrival: at, ...place } as unknown as Event
  })
}

/** Heartbeats of which each is the newest of all. */
function inOrder(events: readonly Event[], now: number): Event[] {
  let last = now
  return events.map(event => {
    last = Math.max(last + 1, event.arrival)
    return event.kind === 'heartbeat' ? { ...event, at: last, arrival: last } : event
  })
}

/** Steps as they are, whoever counted them; without what follows from when streams froze, where beats of others may not count. */
const shown = (frames: readonly Frame[], hasStreams: boolean) =>
  frames.map(({ n: _, event, snapshot, ...rest }) => {
    if (hasStreams || !('streams' in (snapshot as { context: object }).context)) return { event, snapshot, ...rest }
    const { streams: _streams, ...context } = (snapshot as { context: Record<string, unknown> }).context
    const { pulse: _pulse, ...step } = rest
    return { ...step, event: { ...event, frozen: null }, snapshot: { ...snapshot, context } }
  })

describe('the past of an actor', () => {
  test('is what was seen as it came, and leads to what it is, whatever was kept and trimmed', async () => {
    const random = seeded('past')
    let [pulses, fromKept, parked] = [0, 0, 0]
    for (let round = 0; round < 60; round++) {
      await log.close()
      log = new KeptLog()
      const life = await Life.begin(random.chance(0.5))
      const isInOrder = random.chance(0.6)
      const hasPoison = !isInOrder && random.chance(0.5)
      const come = (events: readonly Event[]): Event[] => (isInOrder ? inOrder(events, now) : [...events])
      let now = NOON
      for (const { events } of history(random, random.int(5, 60))) {
        const entry = come(events)
        now = Math.max(now, ...entry.map(({ arrival }) => arrival))
        await life.apply(entry)
        if (random.chance(0.4)) {
          const some = come(beats(random, now + 1, hasPoison))
          if (isInOrder) now = some.at(-1)!.arrival
          await life.apply(...some.map(each => [each]))
        }
        if (random.chance(0.1)) await life.apply([freeing(random, now)])
        if (random.chance(0.1)) await life.apply([tick(now)])
        if (random.chance(0.08)) {
          const { cut } = await log.keep(life.one)
          if (random.chance(0.5)) log.first = cut + random.int(0, 1)
        }
        if (random.chance(0.05)) await life.one.restart()
        log.first = Math.min(Math.max(1, log.first), log.entries.length)
      }
      for (const [kind, key] of ACTORS) {
        const limit = random.pick([2, 10, 500])
        const { steps, since, before, reason } = await past(kind, key, limit)
        const seen = life.seen.get(actorId(kind, key))!
        const whole = seen.filter(({ seq }) => seq >= since.seq).slice(-limit)
        expect(shown(steps, isInOrder), `round ${round}, ${kind}/${key}`).toEqual(shown(whole, isInOrder))
        // An actor that took nothing of what came is none yet.
        const view = await life.one.view(kind, key)
        if (view && steps.length > 0 && (isInOrder || kind !== 'viewer'))
          expect(steps.at(-1)!.snapshot).toEqual(JSON.parse(JSON.stringify(view)))
        if (reason === null) expect(steps.length).toBe(seen.length)
        const again = fork(
          kind,
          JSON.parse(JSON.stringify(before)),
          steps.map(({ event }) => event),
        )
        expect(again).toEqual(
          steps.map(({ event, edge, always, value, snapshot, said }) => {
            const { context } = snapshot as { context: object }
            return { event, edge, ...(always && { always }), value, said, snapshot: { value, context } }
          }),
        )
        pulses += steps.filter(({ pulse }) => pulse).length
        fromKept += since.seq > 1 && steps.length > 0 ? 1 : 0
        parked += life.one.partition.parking.has(actorId(kind, key)) ? 1 : 0
      }
    }
    // Else nothing was shown.
    expect([pulses > 100, fromKept > 50, parked > 2]).toEqual([true, true, true])
  }, 120_000)

  /** Beats of one viewer, so many, half a minute apart. */
  const beaten = async (count: number): Promise<Life> => {
    const life = await Life.begin(true)
    const place = { path: '/', stream: null, country: 'TW', groups: [] }
    for (let n = 0; n < count; n++) {
      const at = NOON + n * 30_000
      await life.apply([{ kind: 'heartbeat', key: 'u0', id: '', at, arrival: at, ...place } as Event])
    }
    return life
  }

  test('says that it is whole, from when the last steps are, and where the log begins', async () => {
    const life = await beaten(6)
    expect(await past('viewer', 'u0')).toMatchObject({ since: { seq: 1, at: NOON }, reason: null })
    const last = await past('viewer', 'u0', 2)
    expect(last).toMatchObject({ since: { seq: 5 }, before: { value: 'watching' } })
    expect(last.reason).toBe('These are the last 2 of 6 steps since the beginning of the log.')
    expect(await past('visitor', 'v0')).toMatchObject({ reason: null, steps: [] })
    await log.keep(life.one)
    await life.apply([tick(NOON + 400_000)])
    log.first = 7
    const kept = await past('viewer', 'u0')
    // The last beats were pulses, which the copy has beside the viewer.
    const context = { last: { at: NOON + 150_000 } }
    expect(kept).toMatchObject({ since: { seq: 7 }, before: { value: 'watching', context } })
    expect(kept.reason).toBe('The log begins at entry 7, and no state from before the entries that it holds is kept.')
  })

  test('is not told from the middle of a log of which no state was kept', async () => {
    await beaten(3)
    log.first = 2
    expect(await past('viewer', 'u0')).toEqual({
      ...{ since: { seq: 4, at: null }, before: null, steps: [] },
      reason: 'The log begins at entry 2, and no state from before the entries that it holds is kept.',
    })
  })

  test('is not told over an entry that is damaged', async () => {
    await beaten(3)
    log.damaged = 2
    const { steps, reason } = await past('viewer', 'u0')
    expect([steps, reason]).toEqual([[], 'An entry of the log that would be needed is damaged or gone.'])
  })

  test('is told from the newest copy where there is too much to read before it', async () => {
    const life = await beaten(3)
    await log.keep(life.one)
    await life.apply([tick(NOON + 400_000)])
    const time = new ManualTime()
    // Reading takes eleven seconds an entry.
    log.read = () => time.advance(11_000)
    const { since, steps, reason } = await past('viewer', 'u0', 500, time)
    expect([since.seq, steps.length]).toEqual([4, 1])
    expect(reason).toContain('more to be read since the beginning of the log')
  })

  test('is not told, and says so, where a step cannot be shown', async () => {
    await beaten(3)
    vi.spyOn(Transitions.prototype, 'persist').mockImplementation(() => {
      throw new Error('cannot be shown')
    })
    onTestFinished(() => void vi.restoreAllMocks())
    expect(await past('viewer', 'u0')).toMatchObject({ steps: [], reason: 'A step of it could not be shown.' })
  })

  test('is given up while a copy is read, once its time is over', async () => {
    const life = await beaten(3)
    await log.keep(life.one)
    await life.apply([tick(NOON + 400_000)])
    const time = new ManualTime()
    const read = log.slices.read.bind(log.slices)
    log.slices.read = async function* (...which) {
      for await (const slice of read(...which)) {
        await time.advance(11_000)
        yield slice
      }
    }
    const { steps, reason } = await past('viewer', 'u0', 500, time)
    expect(steps).toEqual([])
    expect(reason).toContain('more to be read since entry 4')
  })

  test('is given up at the next entries once nobody waits any more', async () => {
    await beaten(9)
    const stop = new Int32Array(1)
    let reads = 0
    log.read = async () => {
      if (++reads === 2) stop[0] = 1
    }
    await past('viewer', 'u0', 500, new ManualTime(), stop)
    expect(reads).toBe(2)
  })
})
