import type { Visit } from '../../machines/web-sessions.ts'
import type { DocumentStore } from '../documents/index.ts'
import type { Receiver } from '../effects/index.ts'

interface Asked {
  visitorId: string
  day: string
  from: number
  since?: number
}

/** An answer holds so much at most, as JSON: an entry of the log has a bound. */
const ANSWER_CHARACTERS = 256 * 1024

/** Finds what documents know of a visitor's day, from its `from`th visit on. */
export const adoptVisitorDay = ({ documents }: { documents: DocumentStore }): Receiver => ({
  async perform({ seq, payload }) {
    const { visitorId, day, from, since = seq } = payload as unknown as Asked
    const chunks = await documents.find('web-events', { filter: { visitorId, day }, sort: { index: 1 } })
    const sessions = await documents.find('web-sessions', { filter: { visitorId, day } })
    const [earliest] = await documents.find('web-sessions', { filter: { visitorId }, sort: { day: 1 }, limit: 1 })
    const all = chunks.flatMap(({ events }) => events as Visit[])
    const visits = beginningOf(all.slice(from))
    const end = from + visits.length
    const answer = {
      ...{ kind: 'visitor-day.found', day, visits, next: end < all.length ? end : null, since },
      documents: { sessions: sessions.length, chunks: chunks.length },
      first: earliest?.day ?? null,
    }
    return { outcome: 'done', detail: { visits: visits.length }, answer }
  },
})

/** As many as an answer holds, one at least. */
function beginningOf(visits: Visit[]): Visit[] {
  let left = ANSWER_CHARACTERS
  const end = visits.findIndex((visit, i) => {
    left -= JSON.stringify(visit).length
    return left < 0 && i > 0
  })
  return end < 0 ? visits : visits.slice(0, end)
}
