import { existsSync, readFileSync } from 'node:fs'

/** A span as `spans-to-file.ts` writes it. */
export interface SpanLine {
  name: string
  traceId: string
  spanId: string
  parent: string | null
  attributes: Record<string, unknown>
  status: number
  threadId: number
}

export const spansIn = (file: string): SpanLine[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line))
    : []

/** The ids of a trace, by a number, and of its caller's span. */
export function traceOf(n: number) {
  const traceId = n.toString(16).padStart(32, 'a')
  const spanId = n.toString(16).padStart(16, 'b')
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` }
}
