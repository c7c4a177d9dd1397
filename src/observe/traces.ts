import {
  type Attributes,
  type Context,
  context,
  diag,
  INVALID_SPAN_CONTEXT,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import type { Event } from '../../actors/event.ts'
import { atMost, type Time } from '../time.ts'
import type { Faults } from './index.ts'

/**
 * Traces, by OpenTelemetry's API alone. Where no SDK is registered in a thread no span is made, and a trace that was given
 * goes on as it came: as a text in events, effects and outputs, in the form of the header.
 */

/** The header by which a trace comes and goes. */
export const TRACEPARENT = 'traceparent'
/** W3C's version 00, and no other: no id is of zeros alone. */
const FORM = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
const SCOPE = 'rollcall'
/** Spans that are sent at the end may still take so long. */
const LAST_SPANS_MS = 1_000
const KINDS = {
  append: SpanKind.PRODUCER,
  apply: SpanKind.CONSUMER,
  commit: SpanKind.INTERNAL,
  effect: SpanKind.CLIENT,
} as const

type Name = keyof typeof KINDS

/** What belongs to a trace, if it does. */
export interface InTrace {
  traceparent?: string
}

/** The trace of a header or of a field of the log, where anything may be; nothing unless it has exactly the form. */
export const traceIn = (given: unknown): InTrace =>
  typeof given === 'string' && FORM.test(given) ? { traceparent: given } : {}

export const hasTrace = ({ traceparent }: Event): boolean => traceparent !== undefined

/** True if spans are made in this thread. */
export function hasSdk(): boolean {
  const provider = trace.getTracerProvider()
  // The API's own provider stands before one of an SDK, or before none.
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(SCOPE) !== undefined
}

/** Has an SDK send what it holds, before its thread ends. How is no part of the API, but alike in SDKs of OpenTelemetry. */
export async function sendLast(time: Time, faults: Faults): Promise<void> {
  const provider = trace.getTracerProvider() as Partial<ProxyTracerProvider>
  const sdk = (provider.getDelegate?.() ?? provider) as { forceFlush?(): Promise<void> }
  const sending = sdk.forceFlush?.().catch((error: unknown) => faults.report('traces', error))
  if (sending) await atMost(time, LAST_SPANS_MS, sending)
}

/** True if a span in this trace would be kept. */
export const isKept = (traceparent: string | undefined): boolean =>
  traceparent !== undefined && flagsOf(traceparent) !== TraceFlags.NONE && hasSdk()

const flagsOf = (traceparent: string): number => Number.parseInt(traceparent.slice(-2), 16) & TraceFlags.SAMPLED

function contextOf(traceparent: string): Context {
  const [, traceId, spanId] = traceparent.split('-') as [string, string, string]
  return trace.setSpanContext(context.active(), { traceId, spanId, traceFlags: flagsOf(traceparent), isRemote: true })
}

function traceOf(span: Span): InTrace {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return traceIn(`00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`)
}

/** A span of an SDK; where that throws, one that nobody keeps, for it only watches. */
function begun(name: Name, parent: Context, attributes: Attributes): Span {
  try {
    return trace.getTracer(SCOPE).startSpan(name, { kind: KINDS[name], attributes }, parent)
  } catch (error) {
    diag.error(`span ${name}`, error)
    return trace.wrapSpanContext(trace.getSpanContext(parent) ?? INVALID_SPAN_CONTEXT)
  }
}

function end(span: Span, error?: unknown): void {
  try {
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: String((error as Error).message) })
    span.end()
  } catch (fault) {
    diag.error('the end of a span', fault)
  }
}

/** Does the work in a span of the trace, and hands it what carries on from there. */
async function inSpan<T>(
  name: Name,
  parent: Context,
  attributes: Attributes,
  work: (on: InTrace) => Promise<T>,
): Promise<T> {
  const span = begun(name, parent, attributes)
  try {
    const result = await context.with(trace.setSpan(parent, span), () => work(traceOf(span)))
    end(span)
    return result
  } catch (error) {
    end(span, error)
    throw error
  }
}

/** Does the work in a span of the trace that is under way here, or else of the one that was given, or else of a new one. */
export function inNextSpan<T>(
  name: Name,
  given: string | undefined,
  attributes: Attributes,
  work: (on: InTrace) => Promise<T>,
): Promise<T> {
  const active = context.active()
  if (trace.getSpanContext(active)) return inSpan(name, active, attributes, work)
  if (given !== undefined) return inSpan(name, contextOf(given), attributes, work)
  if (!hasSdk()) return work({})
  return inSpan(name, ROOT_CONTEXT, attributes, on =>
    work(on.traceparent && flagsOf(on.traceparent) !== TraceFlags.NONE ? on : {}),
  )
}

/** Does the work in a span of the trace, if there is one. */
export const inItsSpan = <T>(
  name: Name,
  { traceparent }: InTrace,
  attributes: Attributes,
  work: (on: InTrace) => Promise<T>,
): Promise<T> => (traceparent ? inSpan(name, contextOf(traceparent), attributes, work) : work({}))

/** Ends spans, with the error if there is one. */
export type End = (error?: unknown) => void

/** Begins a span in each of the traces. */
export function inEach(name: Name, traces: Iterable<string>, attributes: Attributes): End {
  const spans = Array.from(traces, each => begun(name, contextOf(each), attributes))
  return error => {
    for (const span of spans) end(span, error)
  }
}
