import type { AnswerOf, SaysOf } from '../../actors/kinds.ts'
import type { ShownVisit } from '../../actors/visitor-day-documents.ts'
import type { Visit } from '../../machines/web-sessions.ts'
import type { Receiver } from '../effects/index.ts'
import type { World } from './index.ts'

/** An answer holds so much at most, as JSON: an entry of the log has a bound. */
const ANSWER_CHARACTERS = 256 * 1024

type Adopt = Receiver<SaysOf<'visitor-day.adopt'>, AnswerOf<'visitor-day.found'>>

/** Finds what documents know of a visitor's day, from its `from`th visit on. */
export const adoptVisitorDay = ({ documents }: Pick<World, 'documents'>): Adopt => ({
  async perform({ seq, payload }) {
    const { visitorId, day, from, since = seq } = payload
    const chunks = await documents.find('web-events', { filter: { visitorId, day }, sort: { index: 1 } })
    const sessions = await documents.find('web-sessions', { filter: { visitorId, day } })
    const [earliest] = await documents.find('web-sessions', { filter: { visitorId }, sort: { day: 1 }, limit: 1 })
    const all = chunks.flatMap(({ events }): ShownVisit[] => (Array.isArray(events) ? events : [])).map(unnamed)
    const visits = beginningOf(all.slice(from))
    const end = from + visits.length
    return {
      outcome: 'done',
      detail: { visits: visits.length },
      answer: {
        ...{ kind: 'visitor-day.found', day, visits, next: end < all.length ? end : null, since },
        documents: { sessions: sessions.length, chunks: chunks.length },
        first: typeof earliest?.day === 'string' ? earliest.day : null,
      },
    }
  },
})

/** The visit alone: of which session it is follows from the others, and changes. */
const unnamed = ({ webSessionId: _, ...visit }: ShownVisit): Visit => visit

/** The first visits: as many as an answer holds, one at least. */
function beginningOf(visits: Visit[]): Visit[] {
  let left = ANSWER_CHARACTERS
  const end = visits.findIndex((visit, i) => {
    left -= JSON.stringify(visit).length
    return left < 0 && i > 0
  })
  return end < 0 ? visits : visits.slice(0, end)
}
