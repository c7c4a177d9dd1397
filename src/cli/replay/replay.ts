/** Replaying files of web events into a server. */
import { batches } from './batches.ts'
import { CombinedLog } from './combined-log.ts'
import { type Delivery, IN_FLIGHT } from './delivery.ts'
import { eachInFlight } from './in-flight.ts'
import type { KindOf } from './pages.ts'
import type { Report } from './report.ts'
import { Visits } from './visits.ts'
import { type FoundEvent, readWebEvents } from './web-events.ts'

/** Resolves when all was sent, see `Visits.readable`. The report tells of lines and files that could not be used. */
export async function replay(files: string[], delivery: Delivery, report: Report, leftOut?: KindOf): Promise<Visits> {
  const visits = new Visits()
  await eachInFlight(
    batches(eventsOf(files, new CombinedLog(leftOut), report), event => event.json),
    IN_FLIGHT,
    async batch => {
      report.events += batch.length
      const { accepted, refused } = await delivery.send(
        '/events',
        batch.map(event => event.json),
      )
      report.accepted += accepted
      for (const [place, { file, line, visitor, ts }] of batch.entries()) {
        const reason = refused.get(place)
        if (reason === undefined) {
          visits.add(visitor, ts)
          report.used(file)
        } else report.bad({ file, line, reason })
      }
    },
  )
  report.end()
  return visits
}

/** A file that breaks off in the middle (a truncated gzip) keeps neither its beginning nor the others back. */
async function* eventsOf(files: string[], log: CombinedLog, report: Report): AsyncGenerator<FoundEvent> {
  for (const file of files) {
    try {
      yield* readWebEvents(file, log, report)
    } catch (error) {
      if (!hasCode(error)) throw error
      report.unread(file, error)
    }
  }
}

/** Errors of files and of zlib carry a code; anything else is a fault of the program. */
const hasCode = (error: unknown): error is Error => error instanceof Error && 'code' in error
