import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { tokenOf as subjectOf } from '../src/nats/subjects.ts'
import { DAY_MS, doors, NOW, SECRET, tokenOf } from './support/doors.ts'

const { appended, post, request } = doors({ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_RATE_RECORDS: '10000' })

/** An answer over either door: how many records were taken, or the code of the refusal; the places of their faults. */
interface Outcome {
  accepted: number | string
  position?: string | undefined
  faults: string[]
}

type Sent = 'heartbeats' | 'events'

const tokens: Record<string, string> = {}

/** By the token of a user; `_` is that of a service. */
async function overHttp(as: string, to: Sent, payload: unknown): Promise<Outcome> {
  const { body, headers } = await post(`/${to}`, payload, tokens[as])
  return outcome(body, headers['rollcall-position'] as string | undefined)
}

/** By the last token of the subject, which NATS lets nobody else publish on. */
async function overNats(as: string, to: Sent, payload: unknown): Promise<Outcome> {
  const { position, ...rest } = await request(`${to}.${as === '_' ? as : subjectOf(as)}`, payload)
  return outcome(rest, position)
}

function outcome(
  { accepted, code, faults = [] }: { accepted?: number; code?: string; faults?: { index: number; path: string }[] },
  position: string | undefined,
): Outcome {
  return { accepted: accepted ?? code!, position, faults: faults.map(({ index, path }) => `${index} ${path}`) }
}

beforeAll(async () => {
  const all = { ann: {}, ben: {}, _: { sub: undefined, scope: 'service' }, 'g/1': { scope: 'guest', visitor: 'g/1' } }
  for (const [sub, claims] of Object.entries(all)) tokens[sub] = await tokenOf({ sub, ...claims })
})

beforeEach(() => {
  appended.length = 0
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

  test('a user sends web events of its own visitor, and of no other one', async () => {
    expect(await send('ann', 'events', visit('u/ann'))).toEqual(TAKEN)
    expect(await send('ann', 'events', [visit('u/ann'), visit('u/ben')])).toEqual(REFUSED)
    expect(await send('ann', 'events', visit('u/ann/ben'))).toEqual(REFUSED)
    expect(await send('ann', 'events', visit('ben'))).toEqual(REFUSED)
    expect(appended).toHaveLength(1)
  })

  test('a web event of a user is of the user that the sender is, whom it need not name', async () => {
    expect(await send('ann', 'events', visit('u/ann', { userId: 'ann' }))).toEqual(TAKEN)
    expect(await send('ann', 'events', visit('u/ann'))).toEqual(TAKEN)
    expect(await send('ann', 'events', [visit('u/ann'), visit('u/ann', { userId: 'ben' })])).toEqual(REFUSED)
    expect(appended.map(({ visit }) => visit)).toEqual(Array(2).fill(expect.objectContaining({ userId: 'ann' })))
  })

  test('a service names the visitor of each web event', async () => {
    const { sessionId, ...nameless } = visit('v')
    expect(await send('_', 'events', nameless)).toMatchObject({ faults: ['0 sessionId'] })
  })

  test('a guest beats and sends web events as itself, and names no user', async () => {
    expect(await send('g/1', 'heartbeats', beat('g/1'))).toEqual(TAKEN)
    expect(await send('g/1', 'events', visit('g/1'))).toEqual(TAKEN)
    const { sessionId, ...nameless } = visit('g/1')
    expect(await send('g/1', 'events', nameless)).toEqual(TAKEN)
    for (const others of [visit('u/g/1'), visit('g/2'), visit('g/1', { userId: 'g/1' })])
      expect(await send('g/1', 'events', others)).toEqual(REFUSED)
    expect(await send('g/1', 'heartbeats', beat('ann'))).toEqual(REFUSED)
    expect(appended.map(({ key }) => key)).toEqual(['g/1', 'g/1', 'g/1'])
    expect(appended.filter(({ visit }) => (visit as { userId?: string } | undefined)?.userId !== undefined)).toEqual([])
  })

  test('a user sends at most 100 records at once, a service 1,000', async () => {
    const beats = (count: number) => Array.from({ length: count }, () => beat('ann'))
    expect(await send('ann', 'heartbeats', beats(100))).toMatchObject({ accepted: 100 })
    expect(await send('ann', 'heartbeats', beats(101))).toMatchObject({ accepted: 'RC_TOO_MANY_RECORDS' })
    expect(await send('ann', 'events', Array(101).fill({}))).toMatchObject({ accepted: 'RC_TOO_MANY_RECORDS' })
    expect(await send('_', 'heartbeats', beats(1_000))).toMatchObject({ accepted: 1_000 })
  })

  const HOUR_MS = 3_600_000
  test.each<[string, Sent, object, number]>([
    ['ann', 'heartbeats', beat('ann'), HOUR_MS + 60_000],
    ['g/1', 'heartbeats', beat('g/1'), HOUR_MS + 60_000],
    ['_', 'heartbeats', beat('ann'), 7 * DAY_MS],
    ['ann', 'events', visit('u/ann'), DAY_MS],
    ['g/1', 'events', visit('g/1'), DAY_MS],
  ])('(%s) of %s not those of long ago are taken', async (as, to, record, backMs) => {
    const back = (ms: number) => ({ ...record, [to === 'events' ? 'ts' : 'at']: NOW - ms })
    expect(await send(as, to, back(backMs))).toEqual(TAKEN)
    expect(await send(as, to, back(backMs + 1))).toMatchObject({ faults: [to === 'events' ? '0 ts' : '0 at'] })
  })

  test('web events of a service may be of any age', async () => {
    expect(await send('_', 'events', visit('v', { ts: NOW - 9_000 * DAY_MS }))).toEqual(TAKEN)
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

test('what is too long ago is called so', async () => {
  const { body } = await post('/events', visit('u/ann', { ts: NOW - 2 * DAY_MS }), tokens.ann)
  expect(body.faults).toMatchObject([{ index: 0, path: 'ts', code: 'too_old' }])
})

test('over NATS the last token of the subject is a visitor too, and the one an event is of that names none', async () => {
  const { sessionId, ...nameless } = visit('ann')
  expect(await overNats('ann', 'events', visit('ann'))).toEqual(TAKEN)
  expect(await overNats('ann', 'events', nameless)).toEqual(TAKEN)
  expect(appended.map(({ key }) => key)).toEqual(['ann', 'ann'])
})

test('over HTTP a visitor is the one that the token names, else the one of the user', async () => {
  const { sessionId, ...nameless } = visit('x')
  const named = await tokenOf({ sub: 'ann', visitor: 'v-1' })
  const statuses = [
    await post('/events', nameless, named),
    await post('/events', visit('v-1'), named),
    await post('/events', visit('u/ann'), named),
    await post('/events', nameless, tokens.ann),
    await post('/events', visit('ann'), tokens.ann),
    await post('/events', visit('v-2'), named),
  ].map(({ status }) => status)
  expect(statuses).toEqual([202, 202, 202, 202, 403, 403])
  expect(appended.map(({ key }) => key)).toEqual(['v-1', 'v-1', 'u/ann', 'u/ann'])
})

test('the claim of the visitor may have another name', async () => {
  const own = doors({ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_AUTH_VISITOR_CLAIM: 'vid' })
  const token = await tokenOf({ sub: 'ann', vid: 'v-1', visitor: 'v-2' })
  const statuses = [await own.post('/events', visit('v-1'), token), await own.post('/events', visit('v-2'), token)]
  expect(statuses.map(({ status }) => status)).toEqual([202, 403])
})

test('the id that a web event lacks is the same however often it is sent', async () => {
  const { id, ...nameless } = visit('u/ann')
  for (let n = 0; n < 2; n++) await post('/events', nameless, tokens.ann)
  expect(appended).toHaveLength(2)
  expect(appended[0]!.id).toBe(appended[1]!.id)
})

describe('over NATS a subject', () => {
  const other = (token: string) => request(`heartbeats.${token}`, beat('ann'))
  test.each([
    ['another way to write a plain id', `~${Buffer.from('ann').toString('base64url')}`],
    ['bytes that are no text', '~_w'],
    ['more bits than the id has', '~YS9i_'],
    ['nothing', '~'],
    ['an id that is too long', 'x'.repeat(300)],
  ])('is refused that ends in %s', async (_, token) => {
    expect(await other(token)).toMatchObject({ code: 'RC_NOT_ALLOWED' })
    expect(appended).toEqual([])
  })

  test.each(['constructor', 'hasOwnProperty', '__proto__', 'toString'])('has no verb %s', async verb => {
    expect(await request(`sessions.${verb}.ann`, { sessionId: 's' })).toMatchObject({ code: 'RC_NOT_FOUND' })
  })
})
