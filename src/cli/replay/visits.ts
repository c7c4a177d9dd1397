/** Visitors that were sent, and how many web sessions they have in the time that the files cover. */
import { z } from 'zod'
import type { Delivery } from './delivery.ts'
import { eachInFlight } from './in-flight.ts'

const READS_IN_FLIGHT = 16

interface SentSpan {
  first: number
  last: number
}

export interface VisitCounts {
  visitors: number
  sessions: number
  pageViews: number
}

const COUNTED = z.object({ firstEventAt: z.number(), lastEventAt: z.number(), pageViews: z.number() })
/** An answer that is only waited for. */
const ANY = z.object({})

export class Visits {
  readonly #spans = new Map<string, SentSpan>()
  /** visitors that were counted so far */
  counted = 0

  get visitors(): number {
    return this.#spans.size
  }

  add(visitor: string, ts: number): void {
    const span = this.#spans.get(visitor)
    if (!span) this.#spans.set(visitor, { first: ts, last: ts })
    else if (ts < span.first) span.first = ts
    else if (ts > span.last) span.last = ts
  }

  /** Resolves when all that was delivered is in what is read. */
  async readable(delivery: Delivery): Promise<void> {
    const [anyVisitor] = this.#spans.keys()
    if (anyVisitor !== undefined) await delivery.readAfter(pathOf(anyVisitor), ANY)
  }

  async count(delivery: Delivery): Promise<VisitCounts> {
    const counts = { visitors: this.#spans.size, sessions: 0, pageViews: 0 }
    await eachInFlight(this.#spans, READS_IN_FLIGHT, async ([visitor, span]) => {
      for await (const session of delivery.list(pathOf(visitor), 'webSessions', COUNTED)) {
        if (session.lastEventAt < span.first || session.firstEventAt > span.last) continue
        counts.sessions += 1
        counts.pageViews += session.pageViews
      }
      this.counted++
    })
    return counts
  }
}

const pathOf = (visitor: string): string => `/web-sessions?visitor=${encodeURIComponent(visitor)}`
