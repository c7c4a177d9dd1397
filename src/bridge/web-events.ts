import { createHash } from 'node:crypto'
import type { z } from 'zod'
import type { Event } from '../../actors/event.ts'
import type { webEvent } from './inputs.ts'

/** Web events as events of the log. The key of each is its id or, without one, the hash of what it says. */
export function webEvents(inputs: z.output<typeof webEvent>[], arrival: number): Event[] {
  return inputs.map(input => {
    const { sessionId, ts, page, userId, partyId, referrer, source } = input
    const id = input.id ?? createHash('sha256').update(canonical(input)).digest('hex')
    const visit = {
      ...{ id, ts, page },
      ...(userId !== undefined && { userId }),
      ...(partyId !== undefined && { partyId }),
      ...(referrer !== undefined && { referrer }),
      ...(source !== undefined && { source }),
    }
    return { kind: 'web-event', key: sessionId, id, at: ts, arrival, visit }
  })
}

/** RFC 8785: fields in the order of their names, values as JSON.stringify writes them. */
function canonical({ page, partyId, referrer, sessionId, source, ts, userId }: z.output<typeof webEvent>): string {
  const { campaign, content, keyword, medium, source: name } = source ?? {}
  const ordered = source && { campaign, content, keyword, medium, source: name }
  return JSON.stringify({ page, partyId, referrer, sessionId, source: ordered, ts, userId })
}
