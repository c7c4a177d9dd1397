/** Files of web events: access logs, or NDJSON with one `POST /events` record a line. */
import type { CombinedLog, LeftOutHit } from './combined-log.ts'
import type { LineFault } from './hit.ts'
import { type Line, MAX_LINE_BYTES, readLines } from './lines.ts'
import type { Report } from './report.ts'

/** A web event ready to be sent, and where it was found. */
export interface FoundEvent {
  file: string
  line: number
  json: string
  visitor: string
  ts: number
}

type ReadLine = (line: {
  text: string
  exact: string
}) => Pick<FoundEvent, 'json' | 'visitor' | 'ts'> | LineFault | LeftOutHit

/** The events of one file in file order; the report hears of lines that hold none. Blank lines are neither. */
export async function* readWebEvents(file: string, log: CombinedLog, report: Report): AsyncGenerator<FoundEvent> {
  let read: ReadLine | undefined
  const eventOf = ({ text, exact }: Line): ReturnType<ReadLine> => {
    if (text === undefined) return { reason: `is longer than ${MAX_LINE_BYTES} bytes` }
    read ??= text.trimStart().startsWith('{') ? readJson : reading(log)
    return read({ text, exact })
  }
  const onBytes = (bytes: number): void => {
    report.bytes += bytes
  }
  for await (const lines of readLines(file, onBytes)) {
    for (const line of lines) {
      if (line.text?.trim() === '') continue
      const event = eventOf(line)
      if ('reason' in event) report.bad({ file, line: line.number, reason: event.reason })
      else if ('leftOut' in event) report.leave(file, event.leftOut)
      else yield { file, line: line.number, ...event }
    }
  }
}

const reading =
  (log: CombinedLog): ReadLine =>
  ({ text, exact }) => {
    const event = log.read(text, exact)
    return !('id' in event) ? event : { json: JSON.stringify(event), visitor: event.sessionId, ts: event.ts }
  }

/** Sends the line out as it stands; the server says whether its fields are right. */
function readJson({ exact: text }: { exact: string }): ReturnType<ReadLine> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { reason: `is not JSON: ${(error as SyntaxError).message}` }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { reason: 'is not a JSON object' }
  const { sessionId, ts } = value as { sessionId?: unknown; ts?: unknown }
  return { json: text, visitor: String(sessionId), ts: Number(ts) }
}
