import { firstChanged, type Share, sharesOf } from '../machines/shares.ts'
import type { VisitorDay } from '../machines/visitor-day.ts'
import type { Visit } from '../machines/visits.ts'
import { sessionId } from '../machines/web-session-id.ts'
import type { WebSession } from '../machines/web-sessions.ts'

/** Documents of a visitor's day: its sessions, and its chunks, in which each event says of which session it is. */

/** The fields of a session's document. A document keeps what is not set, so those it may lack are set as well. */
export function fieldsOf({ id: _, ...session }: WebSession): Record<string, unknown> {
  const { partyId = null, truncated = false } = session
  return { ...session, partyId, truncated }
}

/** The session that a document shows. */
export function webSessionOf({ _id, partyId, truncated, ...fields }: Record<string, unknown>): WebSession {
  const more = { ...(partyId ? { partyId } : {}), ...(truncated ? { truncated } : {}) }
  return { id: _id, ...fields, ...more } as unknown as WebSession
}

export interface ShownVisit extends Visit {
  webSessionId: string
}

/** A chunk as documents show it. A former version's lacks what is said to be its own. */
export interface ShownChunk {
  visitorId: string
  day: string
  index: number
  events: readonly ShownVisit[]
  /** of this version: the place of its first event, by which it is found */
  begins: string
  /** of this version: the place of the last event in the chunk before; null in a day's first */
  follows: string | null
}

const TS_DIGITS = 15

/** A text for the place of an event; those of a visitor are in the order of its events. */
export const placeOf = (visitorId: string, day: string, ts: number | '', id: string): string =>
  [visitorId, day, String(ts).padStart(ts === '' ? 0 : TS_DIGITS, '0'), id].join('\n')

/** The chunks that have to be written, where `before` is what documents show; undefined: it is not known. */
export function* changedChunks(before: VisitorDay | undefined, day: VisitorDay): Generator<ShownChunk> {
  const { visitorId, day: name, chunks } = day
  const former = before?.isNamed === day.isNamed ? before : undefined
  const first = former ? firstChanged(former, day) : 0
  const known = former ? sharesOf(former, first) : []
  for (const [i, shares] of sharesOf(day, first).entries()) {
    const index = first + i
    const chunk = chunks[index]!
    const last = chunks[index - 1]?.at(-1)
    const isSame = former?.chunks[index] === chunk && former.chunks[index - 1]?.at(-1) === last
    if (isSame && areEqual(known[i]!, shares)) continue
    yield {
      ...{ visitorId, day: name, index, events: named(day, chunk, shares) },
      begins: placeOf(visitorId, name, chunk[0]!.ts, chunk[0]!.id),
      follows: last ? placeOf(visitorId, name, last.ts, last.id) : null,
    }
  }
}

/** The visits of a chunk with the ids of their sessions. */
export function named(
  { visitorId, day }: Pick<VisitorDay, 'visitorId' | 'day'>,
  chunk: readonly Visit[],
  shares: readonly Share[],
): ShownVisit[] {
  const events: ShownVisit[] = []
  for (const { index, count } of shares) {
    const webSessionId = sessionId(visitorId, day, index)
    for (const end = events.length + count; events.length < end; )
      events.push({ ...chunk[events.length]!, webSessionId })
  }
  return events
}

const areEqual = (a: readonly Share[], b: readonly Share[]): boolean =>
  a.length === b.length && a.every(({ index, count }, i) => index === b[i]!.index && count === b[i]!.count)
