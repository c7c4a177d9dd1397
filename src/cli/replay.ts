/** Replaying files of web events into a server. */
import { batches } from './batches.ts'
import { type Delivery, IN_FLIGHT } from './delivery.ts'
import { eachInFlight } from './in-flight.ts'
import type { Tally } from './tally.ts'
import { Visits } from './visits.ts'
import { type FoundEvent, readWebEvents } from './web-events.ts'

/** Resolves when every event that was accepted can be read. What goes wrong with lines and files is in the tally. */
export async function replay(files: string[], delivery: Delivery, tally: Tally): Promise<Visits> {
  const visits = new Visits()
  await eachInFlight(
    batches(eventsOf(files, tally), event => event.json),
    IN_FLIGHT,
    async batch => {
      tally.events += batch.length
      const { accepted, refused } = await delivery.send(
        '/events',
        batch.map(event => event.json),
      )
      tally.accepted += accepted
      for (const [place, { file, line, visitor, ts }] of batch.entries()) {
        const reason = refused.get(place)
        if (reason === undefined) visits.add(visitor, ts)
        else tally.bad({ file, line, reason })
      }
    },
  )
  tally.end()
  await visits.readable(delivery)
  return visits
}

/** A file that breaks off in the middle (a truncated gzip) keeps neither its beginning nor the others back. */
async function* eventsOf(files: string[], tally: Tally): AsyncGenerator<FoundEvent> {
  for (const file of files) {
    const events = readWebEvents(
      file,
      bad => tally.bad(bad),
      bytes => {
        tally.bytes += bytes
      },
    )
    try {
      yield* events
    } catch (error) {
      if (!hasCode(error)) throw error
      tally.unread(file, error)
    }
  }
}

/** Errors of files and of zlib carry a code; anything else is a fault of the program. */
const hasCode = (error: unknown): error is Error => error instanceof Error && 'code' in error
