import { headers } from '@nats-io/transport-node'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import { memoryLiveSets } from '../src/audience/memory.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import type { Effect } from '../src/effects/index.ts'
import { appender } from '../src/log/append.ts'
import { encode, entryOf } from '../src/log/entries.ts'
import type { Entry, Events, Seq } from '../src/log/index.ts'
import { LogInMemory } from '../src/log/memory.ts'
import { runsOf } from '../src/log/rows-entry.ts'
import { inEach } from '../src/observe/traces.ts'
import { Processor } from '../src/partition/processor.ts'
import { systemTime as time } from '../src/time.ts'
import { allRecords } from './support/all-records.ts'
import { doors, tokenOf } from './support/doors.ts'
import { NOON, OnePartition } from './support/one-partition.ts'
import { traceOf } from './support/spans.ts'
import { toldFaults } from './support/time.ts'
import { virtualPerformer } from './support/virtual-performer.ts'

const { traceId, spanId, traceparent } = traceOf(1)
const HOSTILE = [
  '',
  'x',
  traceparent.toUpperCase(),
  `${traceparent} x`,
  `${traceparent}-00`,
  `${traceparent}, ${traceparent}`,
  traceparent.slice(0, -1),
  traceparent.replace('00-', '01-'),
  traceparent.replace('00-', 'ff-'),
  `00-${'0'.repeat(32)}-${spanId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `00-${traceId}-${spanId}-0g`,
  `00-${traceId}-${spanId}-1`,
  `00-${'a'.repeat(8_000)}-${spanId}-01`,
]

const start = (key: string, more: object = {}): Event => ({
  ...{ kind: 'session.start', key, id: `e-${key}`, at: NOON, arrival: NOON, fresh: `s-${key}`, sourceId: null },
  ...{ title: null, device: null, userTags: [], price: 1 },
  ...more,
})
const beat = (key: string): Event => ({
  ...{ kind: 'heartbeat', key, id: '', at: NOON, arrival: NOON, path: '/', stream: null, country: 'ZZ', groups: [] },
})

describe('a header traceparent', () => {
  const ofWeb = { sessionId: 'v', ts: NOON, page: '/' }
  const ofNats = (value: string) => {
    const given = headers()
    given.set('traceparent', value)
    return given
  }

  test('of the one form there is comes along with the request, over both doors', async () => {
    const { ask, request, traces } = doors({})
    await ask('/events', { method: 'POST', body: ofWeb, headers: { traceparent } })
    await ask('/heartbeats', { method: 'POST', body: { userId: 'ann', path: '/' }, headers: { traceparent } })
    await request('events.v', ofWeb, '_INBOX.a', ofNats(traceparent))
    expect(traces).toEqual([traceparent, undefined, traceparent])
  })

  test.each(HOSTILE)('is passed over as %j', async value => {
    const { ask, request, traces, appended } = doors({})
    const { status } = await ask('/events', { method: 'POST', body: ofWeb, headers: { traceparent: value } })
    const twice = ofNats(traceparent)
    twice.append('Traceparent', traceparent)
    expect(status).toBe(202)
    await request('events.v', ofWeb, '_INBOX.a', ofNats(value))
    await request('events.v', ofWeb, '_INBOX.a', twice)
    expect(traces.filter(each => each !== undefined)).toEqual([])
    expect(appended.length).toBeGreaterThan(1)
  })

  test.each([
    ...HOSTILE,
    7,
    null,
    { traceparent },
  ])('that somebody put into the log as %j is in no outbox', async value => {
    const one = await OnePartition.claim()
    await one.apply(start('sam', { traceparent: value }))
    expect(one.effects.length).toBeGreaterThan(5)
    expect(one.effects.filter(effect => 'traceparent' in effect)).toEqual([])
  })
})

/** A log in memory that says what it was given, and gives back what it made of it. */
function log() {
  const kept = new LogInMemory({ partitions: 1, settings: {}, time })
  const { append, ...rest } = kept.open()
  const given: Events[] = []
  const opened = {
    ...rest,
    append(partition: number, events: Events): Promise<Seq> {
      given.push(events)
      return append(partition, events)
    },
  }
  const entries = async (last: Seq): Promise<Entry[]> => {
    const found: Entry[] = []
    for await (const some of opened.read(0, 0)) {
      found.push(...some)
      if (found.at(-1)!.seq >= last) break
    }
    return found
  }
  return { opened, given, append: appender(opened, 1), entries }
}

describe('without an SDK', () => {
  test('an entry is as large as ever where no trace was given, and its events are the very ones', async () => {
    const { append, given } = log()
    const events = [start('sam'), beat('ann')]
    await append([events[0]!])
    await append([events[1]!], traceparent)
    expect(given.flatMap(each => [...each])).toEqual(events)
    expect(given[0]!).toHaveLength(1)
    expect([...given[0]!][0]).toBe(events[0])
  })

  test('a trace that was given goes on as it came, to the effects', async () => {
    const { append, entries } = log()
    await append([start('sam')], traceparent)
    const [entry] = await entries(1)
    expect(entry!.events).toEqual([start('sam', { traceparent })])
    const one = await OnePartition.claim()
    await one.apply(...entry!.events)
    expect(new Set(one.effects.map(effect => effect.traceparent))).toEqual(new Set([traceparent]))
  })

  test('an effect is answered in the trace that it is in', async () => {
    const answer = { kind: 'feed.generated', generation: 1 }
    const { made, add, idle, told } = virtualPerformer(() => ({ perform: async () => ({ outcome: 'done', answer }) }))
    made.open()
    const asked = { kind: 'feed.generate', actor: 'feed/all', seq: 1, index: 0, at: NOON, payload: {} }
    add({ id: 'a', ...asked, traceparent }, { id: 'b', ...asked })
    await idle()
    expect(told.map(event => [event.effect, event.traceparent])).toEqual([
      ['a', traceparent],
      ['b', undefined],
    ])
  })

  test('heartbeats stay rows', async () => {
    const { append, entries } = log()
    await append([beat('ann')], traceparent)
    expect(runsOf((await entries(1))[0]!).filter(run => 'beats' in run)).toHaveLength(1)
  })
})

test('an entry holds a trace in less than 100 bytes, and is read as before', () => {
  const [bare, traced] = [encode([start('sam')]), encode([start('sam', { traceparent })])]
  expect(traced.length - bare.length).toBeLessThan(100)
  expect(entryOf(0, 1, traced)).toEqual({ seq: 1, events: [start('sam', { traceparent })] })
})

test('a trace changes no record but those of its effects', async () => {
  const records = async (more: object) => {
    const one = await OnePartition.claim()
    const visit = { id: 'a', ts: NOON, page: '/' }
    await one.apply(
      start('sam', more),
      { ...beat('ann'), ...more },
      { kind: 'web-event', key: 'v', id: 'a', at: NOON, arrival: NOON, visit, ...more },
    )
    const found = await allRecords(one.store, one.partition.claim)
    for (const [name, value] of found) {
      const { traceparent: _, ...rest } = value as { traceparent?: string }
      if (name.startsWith('["outbox"')) found.set(name, rest)
    }
    return found
  }
  const [bare, traced] = [await records({}), await records({ traceparent })]
  expect(bare.size).toBeGreaterThan(10)
  expect(traced).toEqual(bare)
})

describe('with an SDK', () => {
  const spans = new InMemorySpanExporter()
  beforeEach(() => {
    const spanProcessors = [new SimpleSpanProcessor({ exporter: spans })]
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors }))
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  })
  afterEach(() => {
    spans.reset()
    trace.disable()
    context.disable()
  })

  const named = (name: string) => spans.getFinishedSpans().filter(span => span.name === name)
  const idOf = (span: { spanContext(): { traceId: string } }): string => span.spanContext().traceId

  test.each(['onStart', 'onEnd'])('one that throws %s keeps nothing from being accepted', async step => {
    trace.disable()
    const broken = { onStart() {}, onEnd() {}, shutdown: async () => {}, forceFlush: async () => {} }
    const fails = () => {
      throw new Error('of the SDK')
    }
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [{ ...broken, [step]: fails }] }))
    const { append, entries } = log()
    await append([start('sam')], traceparent)
    expect((await entries(1))[0]!.events).toEqual([start('sam', { traceparent: expect.stringContaining(traceId) })])
    inEach('commit', [traceparent], {})()
  })

  test('a user does not decide that its heartbeats are no rows', async () => {
    const { ask, traces } = doors()
    const token = await tokenOf({ sub: 'ann' })
    await ask('/heartbeats', { method: 'POST', body: { userId: 'ann', path: '/' }, token, headers: { traceparent } })
    const service = await tokenOf({ sub: 'edge', scope: 'service' })
    await ask('/heartbeats', {
      method: 'POST',
      body: { userId: 'ann', path: '/' },
      token: service,
      headers: { traceparent },
    })
    expect(traces).toEqual([undefined, traceparent])
  })

  test('requests that become one entry keep each its own trace', async () => {
    const { opened, append, entries } = log()
    const performed: Effect[] = []
    const processor = await Processor.claim(0, {
      ...{ owner: 'test', kinds: KINDS, log: opened, store: memoryCheckpoints(), time, faults: toldFaults() },
      ...{ rules: { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }, flushMs: 10 },
      ...{ live: memoryLiveSets(time), documents: memoryDocuments({ time }), partitions: 1 },
      receiverOf: () => ({
        async perform(effect) {
          performed.push(effect)
          return { outcome: 'done' }
        },
      }),
    })
    const asked = [1, 2, 3].map(traceOf)
    const both = [...asked.map((each, i) => append([start(`sam-${i}`)], each.traceparent)), append([start('tom')])]
    const [positions] = await Promise.all(both)
    const seq = Number(positions!.toString().split('-')[1])
    await processor.committer.settled(seq, 5_000)
    await processor.drain()
    expect((await entries(seq)).at(-1)!.events).toHaveLength(4)
    for (const { traceId, spanId } of asked) {
      const own = spans.getFinishedSpans().filter(span => idOf(span) === traceId)
      const [append] = own.filter(({ name }) => name === 'append')
      expect(append!.parentSpanContext!.spanId).toBe(spanId)
      const others = own.filter(({ name }) => name !== 'append')
      expect(new Set(others.map(({ name }) => name))).toEqual(new Set(['apply', 'commit', 'effect']))
      const parents = others.map(({ parentSpanContext }) => parentSpanContext!.spanId)
      expect(new Set(parents)).toEqual(new Set([append!.spanContext().spanId]))
      const keys = own.flatMap(({ attributes }) => String(attributes['rollcall.effect'] ?? '').match(/sam-\d/) ?? [])
      expect(new Set(keys).size).toBe(1)
    }
    // The one that came without a trace has begun its own.
    const roots = named('append').filter(({ parentSpanContext }) => parentSpanContext === undefined)
    expect(roots.map(({ attributes }) => attributes['rollcall.kind'])).toEqual(['session.start'])
    expect(performed.every(effect => effect.traceparent !== undefined)).toBe(true)
  })

  test('a heartbeat begins no trace, and carries on one that is kept', async () => {
    const { append, entries } = log()
    await append([beat('ann')])
    await append([beat('ann')], traceparent.replace(/1$/, '0'))
    expect(named('append')).toEqual([])
    await append([beat('ann')], traceparent)
    expect(named('append').map(idOf)).toEqual([traceId])
    const traced = (await entries(3)).flatMap(({ events }) => events.map(event => event.traceparent !== undefined))
    expect(traced).toEqual([false, false, true])
  })

  test('what is appended in a span that is under way is in that one, whatever the header said', async () => {
    const { append } = log()
    const outer = trace.getTracer('test').startSpan('request')
    await context.with(trace.setSpan(context.active(), outer), () => append([start('sam')], traceparent))
    expect(named('append')[0]!.parentSpanContext!.spanId).toBe(outer.spanContext().spanId)
  })

  test('an append that fails says so', async () => {
    const refused = new Error('not now')
    const append = appender(log().opened, 1, () => refused)
    await expect(append([start('sam')], traceparent)).rejects.toBe(refused)
    expect(named('append').map(({ status }) => status)).toEqual([{ code: 2, message: 'not now' }])
  })
})
