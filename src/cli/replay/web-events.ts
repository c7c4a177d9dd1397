/** Files of web events: access logs in the Combined Log Format, or NDJSON with one `POST /events` record a line. */
import { CombinedLog, type LineFault } from './combined-log.ts'
import { type Line, MAX_LINE_BYTES, readLines } from './lines.ts'

/** A web event ready to be sent, and where it was found. */
export interface FoundEvent {
  file: string
  line: number
  json: string
  visitor: string
  ts: number
}

export interface BadLine {
  file: string
  line: number
  reason: string
}

type ReadLine = (text: string) => Pick<FoundEvent, 'json' | 'visitor' | 'ts'> | LineFault

/** The events of one file in file order; lines that hold none go to `onBad`. Blank lines are neither. */
export async function* readWebEvents(
  file: string,
  onBad: (bad: BadLine) => void,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<FoundEvent> {
  let read: ReadLine | undefined
  const eventOf = ({ text }: Line): ReturnType<ReadLine> => {
    if (text === undefined) return { reason: `is longer than ${MAX_LINE_BYTES} bytes` }
    read ??= text.trimStart().startsWith('{') ? readJson : combinedReader()
    return read(text)
  }
  for await (const lines of readLines(file, onBytes)) {
    for (const line of lines) {
      if (line.text?.trim() === '') continue
      const event = eventOf(line)
      if ('reason' in event) onBad({ file, line: line.number, reason: event.reason })
      else yield { file, line: line.number, ...event }
    }
  }
}

function combinedReader(): ReadLine {
  const log = new CombinedLog()
  return text => {
    const event = log.read(text)
    return 'reason' in event ? event : { json: JSON.stringify(event), visitor: event.sessionId, ts: event.ts }
  }
}

/** Whether the fields are right is the server's to say; the line goes out as it stands. */
function readJson(text: string): ReturnType<ReadLine> {
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
