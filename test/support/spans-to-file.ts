/** Preloaded by `node --import`, also into worker threads: an SDK of OpenTelemetry whose spans are lines of SPANS_FILE. */
import { appendFileSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BatchSpanProcessor, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { SpanLine } from './spans.ts'

const file = process.env.SPANS_FILE!

const lineOf = (span: ReadableSpan): SpanLine => {
  const { traceId, spanId } = span.spanContext()
  const { name, attributes, status, parentSpanContext } = span
  return { name, traceId, spanId, parent: parentSpanContext?.spanId ?? null, attributes, status: status.code, threadId }
}

const toFile = {
  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    appendFileSync(file, spans.map(span => `${JSON.stringify(lineOf(span))}\n`).join(''))
    done({ code: 0 })
  },
  shutdown: async () => {},
}

const processor = process.env.SPANS_AFTER_MS
  ? new BatchSpanProcessor({ exporter: toFile, scheduledDelayMillis: Number(process.env.SPANS_AFTER_MS) })
  : new SimpleSpanProcessor({ exporter: toFile })
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [processor] }))
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
