import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Msg } from '@nats-io/transport-node'
import { headers } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type FakeFirebase, startFakeFirebase } from '../support/fake-firebase.ts'
import { natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Body, type Env, type Server, startServer, temporaryDirectory } from '../support/server.ts'
import { type SpanLine, spansIn, traceOf } from '../support/spans.ts'

const preload = (...files: string[]): string =>
  files.map(file => `--import=${new URL(`../support/${file}`, import.meta.url).href}`).join(' ')
const TOLD = 'notify_followers_livestream_online'

let firebase: FakeFirebase
let server: Server
let file: string

beforeEach(async () => {
  firebase = await startFakeFirebase()
  file = join(temporaryDirectory(), 'spans')
})
afterEach(async () => {
  await server.stop()
  await firebase.close()
})

/** A server whose threads have an SDK each, and a streamer with a follower who has a phone. */
async function serve(env: Env = {}, ...others: string[]): Promise<void> {
  server = await startServer({
    ...{ NODE_OPTIONS: preload('to-fake-firebase.ts', 'spans-to-file.ts', ...others), SPANS_FILE: file },
    ...{ ...firebase.env, FAKE_FIREBASE_PORT: String(firebase.port), ROLLCALL_FLUSH_MS: '50' },
    ...env,
  })
  await server.put('/users/sam/followers/fan')
  await server.put('/users/fan/registrations/phone', { kind: 'fid', value: 'phone' })
}

const effectOf = (spans: SpanLine[]): SpanLine | undefined =>
  spans.find(({ name, attributes }) => name === 'effect' && attributes['rollcall.kind'] === TOLD)

/** The spans of a trace, once the followers were told in it. */
async function spansOf(traceId: string): Promise<SpanLine[]> {
  const own = () => spansIn(file).filter(span => span.traceId === traceId)
  await vi.waitFor(() => expect(effectOf(own())).toBeDefined(), { timeout: 20_000, interval: 50 })
  await vi.waitFor(() => expect(own().some(({ name }) => name === 'commit')).toBe(true), { timeout: 20_000 })
  return own()
}

/** Each span's name and that of the span it is in, each pair once. */
const shape = (spans: SpanLine[], callers: string): string[] => {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]))
  const shown = ({ name, parent }: SpanLine): string =>
    `${name} in ${parent === callers ? "the caller's" : (names.get(parent!) ?? parent)}`
  return [...new Set(spans.map(shown))].sort()
}
/** All that the owner does is in the span by which the log has it. */
const WHOLE = ["append in the caller's", 'apply in append', 'commit in append', 'effect in append']

describe('a traced request', () => {
  test('is one trace from POST /sessions to the message that Firebase takes, across threads', async () => {
    await serve()
    const { traceId, spanId, traceparent } = traceOf(1)
    await server.post('/sessions', { userId: 'sam' }, { traceparent })
    const spans = await spansOf(traceId)
    expect(firebase.messages.map(({ data }) => data.streamerId)).toEqual(['sam'])
    expect(shape(spans, spanId)).toEqual([...WHOLE, 'append in effect'].sort())
    // The feeds are asked for by an effect, through the log again.
    const [append, apply] = ['append', 'apply'].map(name => spans.find(span => span.name === name)!)
    expect(append!.attributes).toMatchObject({ 'rollcall.kind': 'session.start', 'rollcall.events': 1 })
    expect([append!.threadId, apply!.threadId === 0]).toEqual([0, false])
    const { effects } = (await server.get('/effects?actor=streamer-session%2Fsam')).body
    expect(effects.map((effect: Body) => effect.traceparent.split('-').slice(1))).toEqual(
      effects.map(() => [traceId, append!.spanId, '01']),
    )
  })

  test('keeps its trace when the process is killed between the commit and the effect', async () => {
    await serve({ DIE_AT: 'before effect', DIE_AFTER: '1' }, 'killed-at-step.ts')
    const { traceId, spanId, traceparent } = traceOf(2)
    const died = server.ended()
    await server.post('/sessions', { userId: 'sam' }, { traceparent }).catch(() => {})
    await died
    const before = spansIn(file)
    expect(effectOf(before)).toBeUndefined()
    await server.restart({ DIE_AT: '' })
    const spans = await spansOf(traceId)
    const append = before.find(({ name }) => name === 'append')!
    expect([append.traceId, append.parent]).toEqual([traceId, spanId])
    expect(effectOf(spans)!.parent).toBe(append.spanId)
    expect(firebase.messages).toHaveLength(1)
  })

  test('is sent before the process ends, by every thread', async () => {
    await serve({ SPANS_AFTER_MS: '600000' })
    await server.post('/sessions', { userId: 'sam' }, { traceparent: traceOf(4).traceparent })
    expect(spansIn(file)).toEqual([])
    await server.stop()
    expect(new Set(spansIn(file).map(({ name }) => name))).toEqual(new Set(['append', 'apply', 'commit', 'effect']))
    await server.start()
  })

  test('begins a trace where there is none, if it is no heartbeat', async () => {
    await serve()
    await server.post('/heartbeats', { userId: 'ann', path: '/' })
    await server.post('/sessions', { userId: 'sam' })
    await vi.waitFor(() => expect(effectOf(spansIn(file))).toBeDefined(), { timeout: 20_000 })
    const [first, ...others] = spansIn(file)
    expect([first!.name, first!.parent, first!.attributes['rollcall.kind']]).toEqual(['append', null, 'session.start'])
    expect(others.filter(({ traceId }) => traceId !== first!.traceId)).toEqual([])
  })
})

describe.skipIf(natsServerBinary() === null)('a traced message', () => {
  test('is one trace from session.started to Firebase, and to whoever hears that the session started', async () => {
    const nats = await startNatsServer()
    onTestFinished(() => nats.stop())
    const client = await nats.connect()
    onTestFinished(() => client.close())
    const heard: Msg[] = []
    client.subscribe('rollcall.session.started', { callback: (_error, message) => void heard.push(message) })
    await serve({ ROLLCALL_NATS_URL: nats.url })
    const { traceId, spanId, traceparent } = traceOf(3)
    const given = headers()
    // As some senders write it.
    given.set('Traceparent', traceparent)
    await client.request('session.started', JSON.stringify({ userId: 'sam' }), { headers: given, timeout: 10_000 })
    const spans = await spansOf(traceId)
    expect(shape(spans, spanId)).toEqual([...WHOLE, 'append in effect'].sort())
    await vi.waitFor(() => expect(heard).toHaveLength(1))
    const [, outTrace, outSpan] = heard[0]!.headers!.get('traceparent').split('-')
    const telling = spans.find(({ spanId }) => spanId === outSpan)!
    expect([outTrace, telling.name, telling.attributes['rollcall.kind']]).toEqual([
      traceId,
      'effect',
      'session.started',
    ])
  })
})

test('without an SDK a thread loads the API, and nothing else of it', async () => {
  server = await startServer({ NODE_OPTIONS: preload('packages-of-traces.ts'), PACKAGES_FILE: file })
  await server.post('/sessions', { userId: 'sam' }, { traceparent: traceOf(1).traceparent })
  await server.get('/sessions?active=true', { after: true })
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  expect(new Set(lines.map(line => line.split(' ')[1]))).toEqual(new Set(['@opentelemetry/api']))
  expect(new Set(lines.map(line => line.split(' ')[0])).size).toBeGreaterThan(1)
})
