import {
  named,
  placeOf,
  type ShownChunk,
  type ShownVisit,
  webSessionOf,
} from '../../../actors/visitor-day-documents.ts'
import { sharesOf } from '../../../machines/shares.ts'
import { CHUNK, inOrder } from '../../../machines/visits.ts'
import { sessionId } from '../../../machines/web-session-id.ts'
import type { WebSession } from '../../../machines/web-sessions.ts'
import type { DocumentStore } from '../../documents/index.ts'
import type { Time } from '../../time.ts'

/** The events of web sessions, read from no more chunks than hold them; a shard may write these meanwhile. */

/** The place of an event among those of its visitor. */
export type Place = Pick<ShownVisit, 'ts' | 'id'>

/** A web session with events of its own. */
export interface Found {
  session: WebSession
  events: ShownVisit[]
}

interface Reading {
  documents: DocumentStore
  time: Time
}

const READS = 20
const BETWEEN_READS_MS = 5
/** Others get their turn between so many chunks. */
const MOST_CHUNKS = 16

/** Events of the session behind a place, one more than `limit` if there are; null: there is no such session. */
export async function eventsBehind(
  reading: Reading,
  session: WebSession,
  after: Place | null,
  limit: number,
): Promise<ShownVisit[] | null> {
  const few = await fewBehind(reading, session, after, limit)
  if (few) return few
  const found = (await wholeDay(reading, session)).get(session.id)
  return found?.events.filter(event => isBehind(event, after)) ?? null
}

/**
 * The sessions, which are of one visitor and one after the other or of one day, with all of their events, and how many
 * had to be read. A session that is gone meanwhile is left out.
 */
export async function withEvents(
  reading: Reading,
  sessions: readonly WebSession[],
): Promise<{ found: Found[]; read: number }> {
  const few = await allOf(reading, sessions)
  if (few) return few
  const found: Found[] = []
  let read = 0
  for (const [, [first, ...others]] of Map.groupBy(sessions, ({ day }) => day)) {
    const day = await wholeDay(reading, first!)
    for (const { id } of [first!, ...others]) found.push(...[day.get(id) ?? []].flat())
    for (const { events } of day.values()) read += events.length
  }
  return { found, read }
}

async function fewBehind(
  reading: Reading,
  session: WebSession,
  after: Place | null,
  limit: number,
): Promise<ShownVisit[] | null> {
  const { id, firstEventAt, lastEventAt, eventCount } = session
  const from = after && after.ts >= firstEventAt ? after : { ts: firstEventAt, id: '' }
  const isInside = ({ ts }: ShownVisit): boolean => ts > firstEventAt && ts < lastEventAt
  const isBeyond = ({ ts }: ShownVisit): boolean => ts < firstEventAt || ts > lastEventAt
  const found: ShownVisit[] = []
  let [isOver, sawLast] = [false, false]
  for await (const chunk of chunksFrom(reading, session, from, session, limit + 1)) {
    if (!chunk) return null
    for (const event of chunk.events) {
      const isOwn = event.webSessionId === id
      // Chunks of a commit that is being written may say so and the session another thing.
      if (isOwn ? isBeyond(event) : isInside(event)) return null
      if (isOwn && event.ts === lastEventAt) sawLast = true
      if (!isOwn) isOver ||= found.length > 0
      else if (isOver) return null
      else if (isBehind(event, after)) found.push(event)
    }
    if (found.length > limit) break
  }
  if (!after && found[0]?.ts !== firstEventAt) return null
  if (found.length > limit) return found
  // Behind a place of the same time there may be more, in a chunk that is still to be written.
  const isWhole = after ? sawLast || from.ts > lastEventAt : sawLast && found.length === eventCount
  return isWhole ? found : null
}

async function allOf(
  reading: Reading,
  sessions: readonly WebSession[],
): Promise<{ found: Found[]; read: number } | null> {
  const found = new Map(sessions.map(session => [session.id, { session, events: [] as ShownVisit[] }]))
  const inTime = sessions.toSorted((a, b) => a.firstEventAt - b.firstEventAt || a.index - b.index)
  const [first, last] = [inTime[0]!, inTime.at(-1)!]
  const count = sessions.reduce((sum, { eventCount }) => sum + eventCount, 0)
  let read = 0
  for await (const chunk of chunksFrom(reading, first, { ts: first.firstEventAt, id: '' }, last, count)) {
    if (!chunk) return null
    read += chunk.events.length
    for (const event of chunk.events) found.get(event.webSessionId)?.events.push(event)
  }
  const all = [...found.values()]
  return all.every(adds) ? { found: all, read } : null
}

const adds = ({ session: { eventCount, firstEventAt, lastEventAt }, events }: Found): boolean =>
  events.length === eventCount && events[0]?.ts === firstEventAt && events.at(-1)?.ts === lastEventAt

/**
 * Chunks from the one on that holds a place of `first`'s day, up to the end of `last`, for as many events; null, and no
 * more, where one does not follow the other.
 */
async function* chunksFrom(
  { documents, time }: Reading,
  { visitorId, day }: WebSession,
  from: Place,
  last: WebSession,
  events: number,
): AsyncGenerator<ShownChunk | null> {
  const place = placeOf(visitorId, day, from.ts, from.id)
  const end = placeOf(visitorId, last.day, last.lastEventAt + 1, '')
  const find = async (begins: Record<string, string>, direction: 1 | -1, limit: number): Promise<ShownChunk[]> =>
    (await documents.find('web-events', {
      ...{ filter: { begins }, sort: { begins: direction }, limit },
    })) as unknown as ShownChunk[]

  let [former] = await find({ $gte: placeOf(visitorId, day, '', ''), $lte: place }, -1, 1)
  if (former) yield former
  const atOnce = Math.min(Math.ceil(events / CHUNK) + 1, MOST_CHUNKS)
  for (let some = [former]; some.length > 0; ) {
    some = await find({ $gt: former?.begins ?? place, $lt: end }, 1, atOnce)
    for (const chunk of some as ShownChunk[]) {
      const isNext = former?.day === chunk.day ? chunk.follows === lastPlaceOf(former) : chunk.follows === null
      if (!isNext) return void (yield null)
      yield chunk
      former = chunk
    }
    if (some.length < atOnce) return
    await time.turn()
  }
}

const lastPlaceOf = ({ visitorId, day, events }: ShownChunk): string =>
  placeOf(visitorId, day, events.at(-1)!.ts, events.at(-1)!.id)

const isBehind = (event: Place, after: Place | null): boolean =>
  !after || inOrder(event as ShownVisit, after as ShownVisit) > 0

/** All sessions of a day with their events, also as former versions wrote them; by their ids. */
async function wholeDay(
  { documents, time }: Reading,
  { visitorId, day }: WebSession,
): Promise<ReadonlyMap<string, Found>> {
  // The ids of a day are its first session's, which a `#` or `/` may follow.
  const id = sessionId(visitorId, day, 1)
  const filter = { visitorId, _id: { $gte: id, $lt: `${id}0` } }
  const byIndex = (a: { index: number }, b: { index: number }): number => a.index - b.index
  for (let read = 1; ; read++) {
    const sessions = (await documents.find('web-sessions', { filter })).map(webSessionOf).sort(byIndex)
    const chunks = ((await documents.find('web-events', { filter })) as unknown as ShownChunk[]).sort(byIndex)
    const day = dealt(sessions, chunks)
    if (day.isWhole || read === READS) return day.found
    // Between the two reads the shard may have written; then sessions and events don't add up.
    await time.sleep(BETWEEN_READS_MS)
  }
}

/** The sessions of a day with their events, and whether they add up. */
function dealt(
  sessions: readonly WebSession[],
  shown: readonly ShownChunk[],
): { found: ReadonlyMap<string, Found>; isWhole: boolean } {
  const chunks = shown.map(({ events }) => events)
  const shares = sharesOf({ sessions, chunks })
  const events = shown.flatMap((chunk, c) => named(chunk, chunk.events, shares[c]!))
  const bySession = Map.groupBy(events, ({ webSessionId }) => webSessionId)
  const found = new Map(sessions.map(session => [session.id, { session, events: bySession.get(session.id) ?? [] }]))
  const known = chunks.flat()
  const isAsShown = events.every(({ webSessionId }, i) => webSessionId === (known[i]!.webSessionId ?? webSessionId))
  // A chunk that is written before the one in whose place its events were has them twice.
  const isInOrder = known.every((visit, i) => i === 0 || inOrder(known[i - 1]!, visit) < 0)
  const isWhole = events.length === known.length && isInOrder && isAsShown && [...found.values()].every(adds)
  return { found, isWhole }
}
