import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { SignJWT } from 'jose'
import { kilobytes, quantile, rollcall, say, thousands } from './measure.ts'

/**
 * A server that is abused in four ways at once, while a service sends beats as ever: what its answers take, against what
 * they took before in the same run, and how large the process grows.
 */
const SECONDS = Number(process.env.BENCH_SECONDS ?? 15)
const WAITS = 1_500
const SLOW_READERS = 60
const EVENTS = 20_000
const REFUSED_PER_SECOND = 2_000
const BEATS_PER_SECOND = 50
/** An answer that did not come by then will not. */
const LOST_MS = 30_000

const SECRET = 'a secret of thirty-two bytes or more, for a bench'
const server = isMainThread ? await rollcall({ ROLLCALL_AUTH_SECRET: SECRET }) : null
const url: string = server?.url ?? workerData
const { hostname, port } = new URL(url)

const tokenOf = (claims: { sub: string; scope?: string }): Promise<string> =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(SECRET))
const service = await tokenOf({ sub: 'platform', scope: 'service' })
const users = await Promise.all(Array.from({ length: 50 }, (_, i) => tokenOf({ sub: `user-${i}` })))

interface Asked {
  status: number
  ms: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const [waiters, strangers] = [
  new Agent({ keepAlive: true, maxSockets: WAITS }),
  new Agent({ keepAlive: true, maxSockets: 64 }),
]

/** A request and what became of it; 0 is the status of no answer. */
function ask(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
  over = agent,
): Promise<Asked> {
  const began = performance.now()
  const ended = (status: number): Asked => ({ status, ms: performance.now() - began })
  return new Promise(resolve => {
    const sent = request({ hostname, port, method, path, agent: over, headers }, response => {
      response.resume().once('end', () => resolve(ended(response.statusCode ?? 0)))
    })
    sent.once('error', () => resolve(ended(0)))
    sent.setTimeout(LOST_MS, () => sent.destroy())
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const json = { 'content-type': 'application/json' }
const asService = { ...json, authorization: `Bearer ${service}` }

/** Calls `each` so often a second until the signal; answers come when they come. */
async function paced(perSecond: number, signal: AbortSignal, each: (n: number) => void): Promise<void> {
  const began = performance.now()
  for (let n = 0; !signal.aborted; ) {
    for (const due = ((performance.now() - began) / 1_000) * perSecond; n < due; n++) each(n)
    await pause(5)
  }
}

async function beats(signal: AbortSignal): Promise<number[]> {
  const asked: Promise<Asked>[] = []
  await paced(BEATS_PER_SECOND, signal, n => {
    asked.push(ask('POST', '/heartbeats', asService, { userId: `viewer-${n % 500}`, path: '/live/s1' }))
  })
  const answers = await Promise.all(asked)
  const failed = answers.filter(({ status }) => status !== 202)
  if (failed.length > 0) throw new Error(`${failed.length} beats of the service were answered ${failed[0]!.status}`)
  return answers.map(({ ms }) => ms)
}

/** Signed-in users who wait for positions that are nowhere. */
async function forgedWaits(signal: AbortSignal): Promise<Asked[]> {
  const all: Promise<Asked>[] = []
  while (!signal.aborted) {
    for (let n = 0; n < WAITS; n++) {
      const headers = {
        authorization: `Bearer ${users[n % users.length]}`,
        'rollcall-after': `${n % 16}-${900_000 + n}`,
      }
      all.push(ask('GET', '/viewers', headers, undefined, waiters))
    }
    await pause(3_000, undefined, { signal }).catch(() => {})
  }
  return Promise.all(all)
}

/** Readers who ask for long lists again and again, and never read an answer. */
function slowReaders(): Socket[] {
  const path = '/web-sessions/victim-2026-01-01/events'
  const text = `GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${service}\r\n\r\n`
  return Array.from({ length: SLOW_READERS }, () => {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    socket.pause()
    socket.write(text.repeat(20))
    return socket
  })
}

async function shuffledEvents(): Promise<Asked[]> {
  const start = Date.UTC(2026, 0, 1)
  const events = Array.from({ length: EVENTS }, (_, i) => {
    const place = (i * 7_919) % EVENTS
    return { id: `e${place}`, sessionId: 'victim', ts: start + place * 4_000, page: `/${place % 7}` }
  })
  const asked: Asked[] = []
  for (let i = 0; i < events.length; i += 500)
    asked.push(await ask('POST', '/events', asService, events.slice(i, i + 500)))
  return asked
}

async function refused(signal: AbortSignal): Promise<Asked[]> {
  const all: Promise<Asked>[] = []
  await paced(REFUSED_PER_SECOND, signal, n => {
    const forged = { ...json, authorization: `Bearer forged.${n}.x` }
    all.push(ask('POST', '/heartbeats', forged, { userId: 'x', path: '/' }, strangers))
  })
  return Promise.all(all)
}

const shares = (asked: Asked[]): string => {
  const counts = Map.groupBy(asked, ({ status }) => status)
  return [...counts].map(([status, some]) => `${thousands(some.length)} × ${status || 'no answer'}`).join(', ')
}

/** Lines that say what became of all that was sent, one for each way. */
async function abuse(): Promise<string[]> {
  const signal = AbortSignal.timeout(SECONDS * 1_000)
  const readers = slowReaders()
  const [waits, events, strange] = await Promise.all([forgedWaits(signal), shuffledEvents(), refused(signal)])
  for (const socket of readers) socket.destroy()
  for (const each of [agent, waiters, strangers]) each.destroy()
  return [
    `forged waits: ${shares(waits)}`,
    `events, shuffled: ${shares(events)} (of 500 each)`,
    `without a token: ${shares(strange)}`,
  ]
}

async function measured(pid: number): Promise<void> {
  /** Memory of its own, MiB. */
  const megabytes = (): number => kilobytes(pid, 'RssAnon') / 1_024
  await beats(AbortSignal.timeout(1_000))
  const before = await beats(AbortSignal.timeout(Math.min(5, SECONDS) * 1_000))
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, megabytes())
  }, 100)
  // In a thread of their own, lest a beat be late because those who abuse are busy.
  const abusers = new Worker(new URL(import.meta.url), { workerData: url })
  const became = once(abusers, 'message') as Promise<[string[]]>
  const during = await beats(AbortSignal.timeout(SECONDS * 1_000))
  const [lines] = await became
  clearInterval(watch)
  agent.destroy()

  const [calm, abused] = [quantile(before, 0.99), quantile(during, 0.99)]
  say({
    claim: 'answers while abused, p99',
    against: 'the same before',
    ratio: calm / abused,
    method: `${SECONDS} s, ${BEATS_PER_SECOND} beats/s of a service: ${calm.toFixed(1)} → ${abused.toFixed(1)} ms, at most ${most.toFixed(0)} MiB; ${lines.join('; ')}`,
  })
}

if (server) {
  await measured(server.pid)
  await server.stop()
} else {
  parentPort!.postMessage(await abuse())
}
