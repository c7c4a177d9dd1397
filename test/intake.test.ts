import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { SignJWT } from 'jose'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { Callers } from '../src/bridge/callers.ts'
import { InFlight } from '../src/bridge/http/in-flight.ts'
import { httpServer } from '../src/bridge/http/index.ts'
import type { Bridge } from '../src/bridge/index.ts'
import { Intake } from '../src/bridge/intake.ts'
import { NatsInputs } from '../src/bridge/nats/index.ts'
import { Stamp } from '../src/bridge/stamp.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import { Positions } from '../src/log/positions.ts'
import { SteadyTime } from '../src/time.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const SECRET = 'a secret of some length'

const clock = new ManualTime(NOW)
const [time, faults] = [new SteadyTime(clock), toldFaults()]
let appended: Event[]
const documents = { get: async () => null } as unknown as DocumentStore
const options = {
  settings: { partitions: 1, rateLimit: 1_000, countryHeader: null, feeds: { groups: [] } },
  callers: new Callers({ secret: SECRET }, time),
  async append(events: Event[]) {
    appended.push(...events)
    return new Positions().read('0-7')
  },
  stamp: new Stamp(documents, ['/live/']),
  documents,
  time,
  faults,
}
const bridge = { ...options, intake: new Intake(options) } as unknown as Bridge

/** An answer over either door: how many records were taken, or the code of the refusal; the places of their faults. */
interface Outcome {
  accepted: number | string
  position?: string | undefined
  faults: string[]
}

type Sent = 'heartbeats' | 'events'

const app = httpServer(bridge, new InFlight(time))
const tokens: Record<string, string> = {}

/** By the token of a user; `_` is that of a service. */
async function overHttp(as: string, to: Sent, payload: unknown): Promise<Outcome> {
  const headers = { authorization: `Bearer ${tokens[as]}`, 'content-type': 'application/json' }
  const reply = await app.inject({ method: 'POST', url: `/${to}`, headers, payload: JSON.stringify(payload) })
  return outcome(reply.json(), reply.headers['rollcall-position'] as string | undefined)
}

/** By the last token of the subject, which NATS lets nobody else publish on. */
async function overNats(as: string, to: Sent, payload: unknown): Promise<Outcome> {
  const answer = Promise.withResolvers<string>()
  const subject = `${to}.${as}`
  const message = { subject, reply: '_INBOX.a', json: () => payload, respond: answer.resolve }
  taken.get(`${to}.*`)!(null, message as unknown as Msg)
  const { position, ...rest } = JSON.parse(await answer.promise)
  return outcome(rest, position)
}

function outcome(
  { accepted, code, faults = [] }: { accepted?: number; code?: string; faults?: { index: number; path: string }[] },
  position: string | undefined,
): Outcome {
  return { accepted: accepted ?? code!, position, faults: faults.map(({ index, path }) => `${index} ${path}`) }
}

const taken = new Map<string, (error: Error | null, message: Msg) => void>()
const nats = {
  subscribe: (subject: string, { callback }: { callback: (error: Error | null, message: Msg) => void }) => {
    taken.set(subject, callback)
  },
} as unknown as NatsConnection

beforeAll(async () => {
  new NatsInputs(nats, bridge)
  for (const name of ['ann', 'ben', '_']) {
    const claims = name === '_' ? { scope: 'service' } : { sub: name }
    const token = new SignJWT(claims).setProtectedHeader({ alg: 'HS256' })
    tokens[name] = await token.sign(new TextEncoder().encode(SECRET))
  }
})

beforeEach(() => {
  appended = []
})

const beat = (userId: string, more: object = {}) => ({ userId, path: '/live/s', at: NOW, ...more })
const visit = (sessionId: string, more: object = {}) => ({ id: 'e', sessionId, ts: NOW, page: '/', ...more })
const TAKEN = { accepted: 1, position: '0-7', faults: [] }
const REFUSED = { accepted: 'RC_NOT_ALLOWED', position: undefined, faults: [] }

describe.each([
  ['HTTP', overHttp],
  ['NATS', overNats],
])('over %s', (_, send) => {
  test('a user sends heartbeats of its own, and of nobody else', async () => {
    expect(await send('ann', 'heartbeats', beat('ann'))).toEqual(TAKEN)
    expect(await send('ann', 'heartbeats', [beat('ann'), beat('ben')])).toEqual(REFUSED)
    expect(appended.map(({ key }) => key)).toEqual(['ann'])
  })

  test('a user sends web events that name itself or no user, and none that name another one', async () => {
    expect(await send('ann', 'events', visit('ann', { userId: 'ann' }))).toEqual(TAKEN)
    expect(await send('ann', 'events', visit('ann'))).toEqual(TAKEN)
    expect(await send('ann', 'events', [visit('ann'), visit('ann', { userId: 'ben' })])).toEqual(REFUSED)
    expect(appended).toHaveLength(2)
  })

  test('a service sends both of everybody', async () => {
    expect(await send('_', 'heartbeats', [beat('ann'), beat('ben')])).toEqual({ ...TAKEN, accepted: 2 })
    expect(await send('_', 'events', visit('v', { userId: 'ben' }))).toEqual(TAKEN)
    expect(appended.map(({ kind, key }) => [kind, key])).toEqual([
      ['heartbeat', 'ann'],
      ['heartbeat', 'ben'],
      ['web-event', 'v'],
    ])
  })

  test('what a user says of its country and groups does not count, what a service says does', async () => {
    const more = { country: 'FR', groups: ['vip'] }
    await send('ann', 'heartbeats', beat('ann', more))
    await send('_', 'heartbeats', beat('ann', more))
    expect(appended.map(({ country, groups }) => [country, groups])).toEqual([
      ['ZZ', []],
      ['FR', ['vip']],
    ])
  })

  test('what was taken while the clock was ahead is taken again for five minutes after', async () => {
    const sendAhead = () => send('ann', 'heartbeats', beat('ann', { at: NOW + 3_600_000 }))
    expect((await sendAhead()).accepted).not.toBe(1)
    time.heed(clock.now() + 3_600_000)
    expect(await sendAhead()).toEqual(TAKEN)
    time.heed(clock.now())
    expect(await sendAhead()).toEqual(TAKEN)
    await clock.advance(300_000)
    clock.set(NOW)
    expect(await sendAhead()).toMatchObject({ faults: ['0 at'] })
  })
})

describe('of several records, some of them faulty,', () => {
  const beats = [beat('ann'), { path: '/' }, beat('ann', { at: NOW + 999_999 })]
  const faults = ['1 userId', '2 at']

  test('HTTP takes none, and answers all faults', async () => {
    expect(await overHttp('ann', 'heartbeats', beats)).toEqual({
      ...{ accepted: 'RC_INVALID_INPUT', position: undefined, faults },
    })
    expect(appended).toEqual([])
  })

  test('NATS takes the others, and answers all faults', async () => {
    expect(await overNats('ann', 'heartbeats', beats)).toEqual({ ...TAKEN, faults })
    expect(appended).toHaveLength(1)
  })

  test('NATS has no position to answer with where none is left', async () => {
    expect(await overNats('ann', 'events', [{ page: '/' }])).toMatchObject({ accepted: 0, position: undefined })
  })
})

test('over NATS the last token of the subject is the visitor a web event is of', async () => {
  expect(await overNats('ann', 'events', visit('ben'))).toEqual(REFUSED)
  expect(await overHttp('ann', 'events', visit('ben'))).toEqual(TAKEN)
})
