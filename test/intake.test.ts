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

test('what was taken while the clock was ahead is taken again for five minutes after', async () => {
  const { post, time: clock, steady: time } = doors({})
  const sendAhead = async () => (await post('/heartbeats', { userId: 'ann', path: '/', at: NOW + 3_600_000 })).status
  expect(await sendAhead()).toBe(400)
  time.heed(clock.now() + 3_600_000)
  expect(await sendAhead()).toBe(202)
  time.heed(clock.now())
  expect(await sendAhead()).toBe(202)
  await clock.advance(300_000)
  clock.set(NOW)
  expect(await sendAhead()).toBe(400)
})
