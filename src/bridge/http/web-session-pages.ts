import { webSessionOf } from '../../../actors/visitor-day-documents.ts'
import { parseSessionId, sessionId } from '../../../machines/web-session-id.ts'
import type { WebSession } from '../../../machines/web-sessions.ts'
import type { DocumentStore } from '../../documents/index.ts'
import { noPlace } from './pages.ts'

/** Lists of web sessions: which sessions stand behind a place of which list. */

/** The visitor with or without a day, or one of the others. */
export interface List {
  visitor?: string | undefined
  userId?: string | undefined
  partyId?: string | undefined
  day?: string | undefined
  after?: string | undefined
}

/** Sessions of the list behind its `after`, one more than `limit` if there are. */
export async function sessionsBehind(documents: DocumentStore, list: List, limit: number): Promise<WebSession[]> {
  const { visitor, userId, partyId, day, after } = list
  if (visitor !== undefined) return ofVisitor(documents, visitor, day, after, limit + 1)
  if (after !== undefined && !parseSessionId(after)) throw noPlace()
  const of = userId !== undefined ? { userId } : partyId !== undefined ? { partyId } : { day }
  return found(documents, { ...of, ...(after !== undefined && { _id: { $gt: after } }) }, limit + 1)
}

async function found(documents: DocumentStore, filter: Record<string, unknown>, most: number): Promise<WebSession[]> {
  return (await documents.find('web-sessions', { filter, sort: { _id: 1 }, limit: most })).map(webSessionOf)
}

/** In the order of days, then of their places in the day: the second of a day comes before the tenth. */
async function ofVisitor(
  documents: DocumentStore,
  visitorId: string,
  day: string | undefined,
  after: string | undefined,
  most: number,
): Promise<WebSession[]> {
  const from = after === undefined ? null : parseSessionId(after)
  if (after !== undefined && (from?.visitorId !== visitorId || (day ?? from.day) !== from.day)) throw noPlace()
  const own = day ?? from?.day
  const sessions = own === undefined ? [] : await ofDay(documents, visitorId, own, from?.index ?? 0, most)
  for (let last = own, isEnd = day !== undefined; !isEnd && sessions.length < most; ) {
    const wanted = most - sessions.length
    // The ids of a day are its first session's, which a `#` may follow.
    const beyond = last === undefined ? {} : { _id: { $gt: `${sessionId(visitorId, last, 1)}0` } }
    const some = await found(documents, { visitorId, ...beyond }, wanted)
    isEnd = some.length < wanted
    last = some.at(-1)?.day
    for (const [name, heads] of Map.groupBy(some, session => session.day)) {
      const isCut = name === last && !isEnd
      sessions.push(...(isCut ? await ofDay(documents, visitorId, name, 0, wanted) : heads.sort(byIndex)))
    }
  }
  return sessions.slice(0, most)
}

/** The sessions of a day behind the one of this index. */
async function ofDay(
  documents: DocumentStore,
  visitorId: string,
  day: string,
  index: number,
  most: number,
): Promise<WebSession[]> {
  const id = sessionId(visitorId, day, 1)
  const all = await found(documents, { visitorId, _id: { $gte: id, $lt: `${id}0` } }, most + 1)
  if (all.length <= most) return all.sort(byIndex).slice(index)
  const ids = Array.from({ length: most }, (_, i) => sessionId(visitorId, day, index + 1 + i))
  return (await found(documents, { _id: { $in: ids } }, most)).sort(byIndex)
}

const byIndex = (a: WebSession, b: WebSession): number => a.index - b.index
