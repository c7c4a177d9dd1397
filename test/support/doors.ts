import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import { type JWTPayload, SignJWT } from 'jose'
import type { Event } from '../../actors/event.ts'
import { Callers } from '../../src/bridge/callers.ts'
import { InFlight } from '../../src/bridge/http/in-flight.ts'
import { httpServer } from '../../src/bridge/http/index.ts'
import type { Bridge } from '../../src/bridge/index.ts'
import { Intake } from '../../src/bridge/intake.ts'
import { Limits } from '../../src/bridge/limits.ts'
import { looksOf } from '../../src/bridge/looks.ts'
import { NatsInputs } from '../../src/bridge/nats/index.ts'
import { Refusals } from '../../src/bridge/refusals.ts'
import { Stamp } from '../../src/bridge/stamp.ts'
import { StreamerSessions } from '../../src/bridge/streamer-sessions.ts'
import { Turns } from '../../src/bridge/turns.ts'
import { readConfig } from '../../src/config.ts'
import type { Document, DocumentStore } from '../../src/documents/index.ts'
import { Positions } from '../../src/log/positions.ts'
import { Exposition } from '../../src/observe/exposition.ts'
import { Works } from '../../src/observe/work.ts'
import { SteadyTime } from '../../src/time.ts'
import type { Env } from './server.ts'
import { ManualTime, toldFaults } from './time.ts'

export const NOW = Date.UTC(2026, 0, 1, 12)
export const SECRET = 'a secret of thirty-two characters'
export const DAY_MS = 86_400_000

type Claims = Omit<JWTPayload, 'sub' | 'exp'> & { sub?: unknown; exp?: number | undefined; scope?: string }

/** A token that ends in ten minutes, unless its claims say something else. */
export const tokenOf = (claims: Claims, secret = SECRET): Promise<string> =>
  new SignJWT({ exp: NOW / 1_000 + 600, ...claims } as JWTPayload)
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret))

interface Ask {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS'
  token?: string | undefined
  headers?: Env
  body?: unknown
}

/** Both doors before a log that takes everything, with all that came through and was told; time is by hand. */
export function doors(env: Env = { ROLLCALL_AUTH_SECRET: SECRET }) {
  const clock = new ManualTime(NOW)
  const [time, faults] = [new SteadyTime(clock), toldFaults()]
  const appended: Event[] = []
  /** of the requests that these came with */
  const traces: (string | undefined)[] = []
  const logged: { line: Record<string, unknown>; text: string }[] = []
  const log = (line: unknown, text?: unknown) =>
    void logged.push({ line: line as Record<string, unknown>, text: String(text) })
  const documents = {
    get: async (): Promise<Document | null> => null,
    find: async (): Promise<Document[]> => [],
  } as unknown as DocumentStore
  const config = readConfig(env, 2)
  const exposition = new Exposition({ time, faults })
  const parked = [{ actor: 'viewer/ann', events: [] }]
  const parts = {
    settings: { ...config, streamPaths: ['/live/'] },
    async append(events: Iterable<Event>, traceparent?: string) {
      appended.push(...events)
      traces.push(traceparent)
      return new Positions().read('0-7')
    },
    stamp: new Stamp(documents, ['/live/']),
    ...{ documents, limits: new Limits(config.rates, time), turns: new Turns(time), time, faults },
    logger: { info: log, warn: log },
  }
  const directory = {
    states: [],
    ends: [],
    owner: { parked: async () => parked, audience: async () => ({ all: {}, bySession: [] }) },
  } as unknown as Bridge['directory']
  const bridge = {
    ...parts,
    callers: config.auth && new Callers(config.auth, time),
    intake: new Intake(parts),
    refusals: new Refusals({ ...parts, meter: exposition.meter }),
    exposition,
    streamers: new StreamerSessions({ ...parts, directory: null as never }),
    works: new Works(time),
    servers: { away: [] },
    looks: looksOf({ directory, documents, time }, async () => null),
    directory,
  } as unknown as Bridge
  const app = httpServer(bridge, new InFlight(time))

  const ask = async (url: string, { method = 'GET', token, headers, body }: Ask = {}) => {
    const all = { host: 'localhost', ...(token && { authorization: `Bearer ${token}` }), ...headers }
    const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const reply = await app.inject({ method, url, headers: { ...type, ...all }, ...(payload && { payload }) })
    const json = String(reply.headers['content-type']).includes('json')
    return { status: reply.statusCode, headers: reply.headers, body: json ? reply.json() : reply.body }
  }
  const post = (url: string, body: unknown, token?: string) => ask(url, { method: 'POST', body, token })

  const taken = new Map<string, (error: Error | null, message: Msg) => void>()
  const nats = {
    subscribe: (subject: string, { callback }: { callback: (error: Error | null, message: Msg) => void }) => {
      taken.set(subject, callback)
    },
  } as unknown as NatsConnection
  new NatsInputs(nats, bridge)

  /** The answer over NATS. */
  async function request(subject: string, payload: unknown, reply = '_INBOX.a', headers?: MsgHdrs) {
    const answer = Promise.withResolvers<string>()
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    const data = Buffer.isBuffer(payload) ? payload : Buffer.from(text)
    const message = { subject, reply, data, headers, respond: answer.resolve }
    taken.get(subject.replace(/[^.]+$/, '*').replace(/^sessions\.\w+/, 'sessions.*'))!(null, message as unknown as Msg)
    return JSON.parse(await answer.promise)
  }

  return { app, ask, post, request, appended, traces, logged, faults, time: clock, steady: time, bridge }
}
