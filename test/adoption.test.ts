import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import type { SaysOf } from '../actors/kinds.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { openDocuments } from '../src/documents/embedded.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import type { Effect } from '../src/effects/index.ts'
import { partitionOf } from '../src/log/partition-of.ts'
import { adopt } from '../src/ownership/adopt.ts'
import { adoptVisitorDay } from '../src/receivers/adopt-visitor-day.ts'
import type { OwnLog } from '../src/stores.ts'
import { allRecords } from './support/all-records.ts'
import { NOON, OnePartition, tick } from './support/one-partition.ts'
import { seeded } from './support/random.ts'
import { ManualTime } from './support/time.ts'
import { type WebEvent, webSessions } from './support/web-session-oracle.ts'
import { progress } from './support/world.ts'

const DAY = 86_400_000
/** Where the log of the second life begins: above every document of the first. */
const ABOVE = 1_000_000

let path: string
let documents: DocumentStore
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  documents = openDocuments({ path })
})
afterEach(async () => {
  await documents.close()
  rmSync(path, { recursive: true, force: true })
})

let arrival = NOON
const logged = ({ sessionId, ...visit }: WebEvent): Event => {
  arrival += 1_000
  return { kind: 'web-event', key: sessionId, id: visit.id, at: visit.ts, arrival, visit }
}

type Adopt = Effect<SaysOf<'visitor-day.adopt'>>

/** A partition whose documents are written as it goes. */
async function alive(one: OnePartition) {
  const asked: Adopt[] = []
  let taken = 0
  const run = async (...events: Event[]): Promise<void> => {
    await one.apply(...events)
    asked.push(...(one.effects.slice(taken).filter(({ kind }) => kind === 'visitor-day.adopt') as Adopt[]))
    taken = one.effects.length
  }
  /** Lets the documents answer the question that was asked first; false if there is none. */
  const answer = async (): Promise<boolean> => {
    const effect = asked.shift()
    if (!effect) return false
    const { answer } = await adoptVisitorDay({ documents }).perform(effect, progress())
    const key = effect.actor.slice('visitor/'.length)
    await run({ ...answer!, key, id: effect.id, at: arrival, arrival, effect: effect.id } as Event)
    return true
  }
  const settle = async (): Promise<void> => {
    while (await answer());
  }
  return { one, run, answer, settle, asked }
}

const beforeThis = async (...events: WebEvent[]): Promise<void> =>
  (await alive(await OnePartition.claim({ documents }))).run(...events.map(logged))
const fromThen = async () => alive(await OnePartition.adopting(ABOVE, { documents }))

/** The sessions as documents show them, with the ids of their events. */
async function shown() {
  const sessions = await documents.find('web-sessions', {})
  const chunks = await documents.find('web-events', { sort: { index: 1 } })
  const days = Map.groupBy(chunks, ({ visitorId, day }) => `${visitorId}-${day}`)
  const starts = new Map<string, number>()
  return sessions
    .sort((a, b) => Number(a.index) - Number(b.index))
    .map(({ _id, visitorId, ...session }) => {
      const day = `${visitorId}-${session.day}`
      const start = starts.get(day) ?? 0
      const end = start + Number(session.eventCount)
      starts.set(day, end)
      const events = days.get(day)!.flatMap(({ events }) => events as { id: string }[])
      return { id: _id, visitorId, ...session, eventIds: events.slice(start, end).map(({ id }) => id) }
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}
const expected = (...events: WebEvent[]) => webSessions(events, 1_800_000).sort((a, b) => (a.id < b.id ? -1 : 1))

const visit = (id: string, ts: number, more: Partial<WebEvent> = {}): WebEvent => ({
  ...{ id, sessionId: 'v', ts, page: `/${id}` },
  ...more,
})

describe('a visitor of whom documents know more than the actor', () => {
  test('goes on with the day that documents show', async () => {
    const [a, b] = [visit('a', NOON), visit('b', NOON + 60_000)]
    await beforeThis(a)
    const { run, settle } = await fromThen()
    await run(logged(b))
    await settle()
    expect(await shown()).toEqual(expected(a, b))
  })

  test('shows nothing of the day until all of it is here', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, one } = await fromThen()
    await run(logged(visit('b', NOON + 60_000)), logged(visit('c', NOON + 120_000)))
    expect(await shown()).toEqual(expected(visit('a', NOON)))
    expect(one.partition.readableUntil).toBe(ABOVE)
    await settle()
    expect(one.partition.readableUntil).toBe(one.partition.applied)
  })

  test('is asked for once, where the day is later than any document can be', async () => {
    await beforeThis(visit('a', NOON))
    const later = await alive(await OnePartition.adopting(ABOVE, { until: NOON + DAY, documents }))
    const [b, c, d] = [visit('b', NOON + 2 * DAY), visit('c', NOON + 3 * DAY), visit('d', NOON + 60_000)]
    await later.run(logged(b))
    expect(later.asked).toHaveLength(1)
    await later.settle()
    await later.run(logged(c))
    expect(later.asked).toHaveLength(0)
    await later.run(logged(d))
    await later.settle()
    expect(await shown()).toEqual(expected(visit('a', NOON), b, c, d))
  })

  test('waits on with a day that was asked for, though its documents are known meanwhile', async () => {
    const [a, b, c, d] = [
      visit('a', NOON),
      visit('b', NOON + 3 * DAY),
      visit('c', NOON + 1),
      visit('d', NOON + 3 * DAY + 1),
    ]
    await beforeThis(a)
    const { run, answer, settle, asked } = await alive(
      await OnePartition.adopting(ABOVE, { until: NOON + DAY, documents }),
    )
    await run(logged(b), logged(c))
    asked.reverse()
    await answer()
    await run(logged(d))
    await settle()
    expect(await shown()).toEqual(expected(a, b, c, d))
  })

  test('asks once for a day', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, asked } = await fromThen()
    await run(...[1, 2, 3].map(n => logged(visit(`b${n}`, NOON + n))))
    expect(asked).toHaveLength(1)
    await settle()
    await run(logged(visit('c', NOON + 60_000)))
    expect(asked).toHaveLength(0)
  })

  test('keeps of an event that came in both lives what was received first', async () => {
    const [a, again] = [visit('a', NOON), visit('a', NOON, { page: '/other' })]
    await beforeThis(a)
    const { run, settle } = await fromThen()
    await run(logged(again), logged(visit('b', NOON + 1)))
    await settle()
    expect(await shown()).toEqual(expected(a, visit('b', NOON + 1)))
  })

  test('whose new event is earlier than all that documents show, takes the first day from them', async () => {
    const [late, early] = [visit('a', NOON), visit('b', NOON - 3 * DAY)]
    await beforeThis(late)
    const { run, settle } = await fromThen()
    await run(logged(early))
    await settle()
    expect(await shown()).toEqual(expected(early, late))
  })

  test('removes a session that a late event joins to the one before, and the documents of chunks no longer used', async () => {
    const far = Array.from({ length: 1_400 }, (_, i) => visit(`n${String(i).padStart(4, '0')}`, NOON + i))
    // The latest first, so that chunks are split where they need not be.
    const apart = far.toReversed()
    const [before, joins] = [visit('a', NOON - 40 * 60_000), visit('b', NOON - 20 * 60_000)]
    await beforeThis(before, ...apart)
    expect(await shown()).toEqual(expected(before, ...apart))
    const { run, settle, one } = await fromThen()
    await run(logged(joins))
    await settle()
    expect(await shown()).toEqual(expected(before, joins, ...apart))
    expect((await documents.find('web-events', {})).flatMap(({ events }) => events)).toHaveLength(1_402)
    const said = one.effects.filter(({ kind }) => kind === 'web-session.corrected')
    expect(said.map(({ payload }) => payload)).toEqual([{ id: 'v-2026-01-01#2', session: null }])
  })

  test('is kept without what has waited once that counts', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, one } = await fromThen()
    await run(logged(visit('b', NOON + 60_000)))
    await settle()
    expect(
      [...(await allRecords(one.store, one.partition.claim)).keys()].filter(key => key.includes('waiting')),
    ).toEqual([])
  })

  test('whose day is too large for one answer, asks on', async () => {
    const page = `/${'x'.repeat(8_000)}`
    const many = Array.from({ length: 100 }, (_, i) => visit(`n${i}`, NOON + i, { page }))
    await beforeThis(...many)
    const { run, answer, settle, one } = await fromThen()
    await run(logged(visit('b', NOON + 60_000)))
    await answer()
    expect(await shown()).toEqual(expected(...many))
    expect(one.partition.readableUntil).toBe(ABOVE)
    await settle()
    expect(await shown()).toEqual(expected(...many, visit('b', NOON + 60_000)))
  })

  test('says that a session it was found with is corrected when it grows, and closed when it is new', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, one } = await fromThen()
    await run(logged(visit('b', NOON + 60_000)), logged(visit('c', NOON + 3_600_000)))
    await settle()
    await run(tick(NOON + DAY))
    const said = one.effects.filter(({ kind }) => kind.startsWith('web-session.'))
    const ids = said.map(({ kind, payload }) => [kind, (payload.session as { id: string }).id])
    expect(ids).toEqual([
      ['web-session.corrected', 'v-2026-01-01'],
      ['web-session.closed', 'v-2026-01-01#2'],
    ])
  })

  test('waits on for what cannot be had, whoever wants to give it up', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, asked } = await fromThen()
    await run(logged(visit('b', NOON + 1)))
    const [{ id, actor }] = asked as [Adopt]
    const about = (kind: string, facts = {}): Event => ({
      ...{ kind, key: 'v', id, at: arrival, arrival, effect: id, actor },
      ...facts,
    })
    await run(about('effect.failed', { error: 'no', code: 'RC_INTERNAL' }), about('effect.drop'), about('effect.retry'))
    await settle()
    expect(await shown()).toEqual(expected(visit('a', NOON), visit('b', NOON + 1)))
  })

  test('says nothing of what did not change', async () => {
    await beforeThis(visit('a', NOON))
    const { run, settle, one } = await fromThen()
    await run(logged(visit('a', NOON)))
    await settle()
    await run(tick(NOON + DAY))
    expect(one.said.filter(kind => kind.startsWith('web-session.'))).toEqual([])
  })
})

describe('a streamer of whom documents know and the actor does not', () => {
  const event = (kind: string, at: number, facts: object): Event => ({
    ...{ kind, key: 'sam', id: `${kind}-${at}`, at, arrival: at },
    ...facts,
  })
  const start = (fresh: string, at: number) =>
    event('session.start', at, { fresh, sourceId: null, title: 'T', device: null, userTags: ['country:tw'], price: 5 })
  /** What the bridge tells: the document as it is. */
  const known = async (id: string): Promise<Event> =>
    event('session.known', NOON, { document: await documents.get('sessions', id) })

  async function streamedBefore(...events: Event[]): Promise<void> {
    const { run } = await alive(await OnePartition.claim({ documents }))
    await run(start('s1', NOON), ...events)
  }
  const preset = (preset: string, at: number) => event('session.preset', at, { sessionId: 's1', preset, price: 9 })
  const rate = (rater: string, score: number, sessionId = 's1') =>
    event('session.rate', NOON, { id: `${rater}${score}`, sessionId, rater, score })

  test('goes on with its active session, as it was', async () => {
    await streamedBefore(preset('sd', NOON + 1), rate('ann', 4))
    const before = await documents.get('sessions', 's1')
    const { run } = await fromThen()
    await run(await known('s1'), start('s2', NOON + 9))
    expect(await documents.find('sessions', {})).toEqual([before])
  })

  test('is rated on top of what was given before', async () => {
    await streamedBefore(preset('sd', NOON + 1), rate('ann', 4))
    const { run } = await fromThen()
    await run(await known('s1'), rate('bob', 2))
    expect(await documents.get('sessions', 's1')).toMatchObject({ rating: { current: 3, currentCount: 2 } })
  })

  test('begins its next session with the rating of the one that ended', async () => {
    await streamedBefore(preset('sd', NOON + 1), rate('ann', 4), event('session.end', NOON + 2, { sessionId: 's1' }))
    const { run } = await fromThen()
    await run(await known('s1'), start('s2', NOON + 9))
    const rating = { current: 4, currentCount: 1, previous: 4, previousCount: 1 }
    expect(await documents.get('sessions', 's2')).toMatchObject({ active: true, ordinal: 2, rating })
    expect(await documents.get('sessions', 's1')).toMatchObject({ active: false })
  })

  test('whose latest session never started begins the next with the rating that one brought along', async () => {
    const end = (sessionId: string, at: number) => event('session.end', at, { sessionId })
    await streamedBefore(
      preset('sd', NOON + 1),
      rate('ann', 4),
      end('s1', NOON + 2),
      start('s2', NOON + 3),
      end('s2', NOON + 4),
    )
    const { run } = await fromThen()
    await run(await known('s2'), start('s3', NOON + 9))
    expect(await documents.get('sessions', 's3')).toMatchObject({ rating: { current: 4, currentCount: 1 } })
  })

  test('goes on with a session another program wrote, whatever its dates are', async () => {
    const foreign = { userId: 'sam', active: true, statuses: { created: 'yesterday', started: '2026-01-01T10:00:00Z' } }
    await documents.upsertMany('sessions', [{ id: 's1', seq: 0, set: foreign }])
    const { run, one } = await fromThen()
    await run(await known('s1'), preset('sd', NOON + 9))
    expect(one.partition.parking.list()).toEqual([])
    expect(await documents.get('sessions', 's1')).toMatchObject({
      ...{ active: true, status: { preset: 'sd' }, rating: { current: 0, currentCount: 0 } },
      statuses: { created: new Date(NOON).toISOString(), started: '2026-01-01T10:00:00.000Z' },
    })
  })

  test('who has streamed meanwhile is told nothing', async () => {
    await streamedBefore(preset('sd', NOON + 1))
    const { run } = await fromThen()
    const former = await known('s1')
    await run(start('s2', NOON + 5), former, preset('preview', NOON + 9))
    expect(await documents.get('sessions', 's2')).toMatchObject({ active: true, status: { preset: 'preview' } })
  })
})

test('two lives, with answers that come late and restarts between, show what one life would', async () => {
  const random = seeded('adoption')
  for (let history = 0; history < 100; history++) {
    for (const collection of ['web-sessions', 'web-events'] as const) await documents.removeWhere(collection, {})
    const base = NOON + history * 100 * DAY
    const events = Array.from({ length: random.int(1, 30) }, () =>
      visit(`e${random.int(0, 40)}`, base + random.int(0, 3) * DAY + random.int(0, 20) * 600_000, {
        ...{ sessionId: random.pick([`v${history}`, `w${history}`]), page: `/${random.int(0, 2)}` },
        ...(random.chance(0.2) && { source: { source: random.pick(['google', 'direct']) } }),
      }),
    )
    const split = random.int(0, events.length)
    await beforeThis(...events.slice(0, split))
    const until = base + random.pick([-2, 1, 2, 9]) * DAY
    // Documents are of the days before.
    const isBefore = events.slice(0, split).every(({ ts }) => ts <= until)
    const adopting = await OnePartition.adopting(ABOVE, { until: isBefore ? until : base + 99 * DAY, documents })
    const { one, run, answer, settle } = await alive(adopting)
    for (const [i, event] of events.entries()) {
      if (i < split) continue
      await run(logged(event))
      while (random.chance(0.4) && (await answer()));
      if (random.chance(0.2)) await one.restart()
      if (random.chance(0.2)) await run(logged(random.pick(events.slice(0, i + 1))))
    }
    await settle()
    const all = expected(...events)
    const own = new Set(all.map(({ visitorId }) => visitorId))
    expect((await shown()).filter(({ visitorId }) => own.has(String(visitorId)))).toEqual(all)
  }
})

describe('a partition without a checkpoint', () => {
  /** What is adopted over documents up to seq 50, and where the checkpoint and the log are then. */
  async function adoption(first: number, last: number, acceptLoss = false) {
    await documents.upsertMany('web-sessions', [{ id: 'v-2026-01-01', seq: 50, set: { visitorId: 'v' } }])
    const store = memoryCheckpoints()
    let bounds = { incarnation: 'old', first, last }
    const log = {
      bounds: async () => bounds,
      renew: async (_: number, next: number) => {
        bounds = { incarnation: 'new', first: next, last: next - 1 }
      },
    } as unknown as OwnLog
    const adopting = await adopt({ log, store, documents, partitions: 1, time: new ManualTime(NOON), acceptLoss })
    return { adopting, bounds, cut: (await store.peek(0))?.cut }
  }
  const above = 50 + 1_000_000 + 1

  test('brings everything back from a log that is whole', async () => {
    expect(await adoption(1, 60)).toMatchObject({ adopting: [], bounds: { incarnation: 'old' } })
  })

  test('goes on above its documents with a log that is empty', async () => {
    expect(await adoption(1, 0)).toMatchObject({ adopting: [0], bounds: { first: above }, cut: above - 1 })
  })

  test('goes on with what its documents do not show of a log that ends above them', async () => {
    expect(await adoption(40, 60)).toMatchObject({ adopting: [0], bounds: { incarnation: 'old' }, cut: 50 })
  })

  test('is left alone with entries below its documents, unless they may go', async () => {
    expect(await adoption(20, 30)).toMatchObject({ adopting: [], bounds: { incarnation: 'old' } })
    expect(await adoption(20, 30, true)).toMatchObject({ adopting: [0], bounds: { first: above } })
  })

  test('adopts nothing of documents that are of another', async () => {
    await documents.upsertMany('sessions', [{ id: 's', seq: 5, set: { userId: 'sam' } }])
    const store = memoryCheckpoints()
    const log = {
      bounds: async () => ({ incarnation: 'old', first: 1, last: 0 }),
      renew: async () => {},
    } as unknown as OwnLog
    const adopting = await adopt({ log, store, documents, partitions: 16, time: new ManualTime(NOON) })
    expect(adopting).toEqual([partitionOf('sam', 16)])
  })
})
