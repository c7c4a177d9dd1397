import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type FakeFirebase, startFakeFirebase } from '../support/fake-firebase.ts'
import { type FakePusher, startFakePusher } from '../support/fake-pusher.ts'
import { Browser } from '../support/pusher-client.ts'
import { type Body, inParallel, type Server, startServer } from '../support/server.ts'

const PRELOAD = new URL('../support/to-fake-firebase.ts', import.meta.url).href

let pusher: FakePusher
let firebase: FakeFirebase
let server: Server
let users = 0

beforeAll(async () => {
  pusher = await startFakePusher()
  firebase = await startFakeFirebase()
  const { appId, key, secret } = pusher.settings
  server = await startServer({
    ...{ PUSHER_APP_ID: appId, PUSHER_KEY: key, PUSHER_SECRET: secret },
    ...{ PUSHER_HOST: pusher.host, PUSHER_PORT: String(pusher.port), PUSHER_TLS: 'false' },
    ...firebase.env,
    ROLLCALL_FEED_EXCLUDED_TAGS: 'banned',
    ...{ FAKE_FIREBASE_PORT: String(firebase.port), NODE_OPTIONS: `--import=${PRELOAD}` },
  })
})
afterAll(async () => {
  await server.stop()
  await pusher.close()
  await firebase.close()
})

const newUser = (): string => `sam-${++users}`
const start = async (userId: string): Promise<Body> => (await server.post('/sessions', { userId })).body
const setPreset = (id: string, preset: string) => server.post(`/sessions/${id}/preset`, { preset })
const effectsOf = async (userId: string, state?: string): Promise<Body[]> =>
  (await server.get(`/effects?actor=streamer-session/${userId}${state ? `&state=${state}` : ''}`)).body.effects

async function browser(userId: string): Promise<Browser> {
  const made = new Browser(pusher, await server.url, userId)
  onTestFinished(() => made.close())
  return made
}

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 20 })

describe("a session's page", () => {
  test('hears that the session is there in preview, then live', async () => {
    const userId = newUser()
    const { id } = await start(userId)
    const page = await browser('viewer-1')
    expect(await page.join(`presence-session@${id}`)).toBe(true)
    await start(userId)
    await until(() => expect(page.names).toContain('stream.preset.preview'))
    await setPreset(id, 'sd')
    await until(() => expect(page.names).toContain('stream.preset.sd'))
    expect(page.heard.at(-1)!.data).toMatchObject({ sessionId: id, streamerId: userId, preset: 'sd' })
  })

  test('hears of the goals when the session is announced again, and of ratings', async () => {
    const userId = newUser()
    const { id } = await start(userId)
    const page = await browser('viewer-1')
    await page.join(`presence-session@${id}`)
    const goals = [{ title: 'song', price: 5 }]
    await server.put(`/sessions/${id}/goals`, { showGoalPairs: goals, exclusiveGoalPairs: [] })
    await start(userId)
    await until(() => expect(page.names).toContain('stream.show-goals'))
    await server.post(`/sessions/${id}/ratings`, { userId: 'viewer-1', score: 4 })
    await until(() => expect(page.names).toContain('rating.updated'))
  })

  test('is closed to new members when the session has ended', async () => {
    const { id } = await start(newUser())
    await server.post(`/sessions/${id}/end`, {})
    expect(await (await browser('viewer-1')).join(`presence-session@${id}`)).toBe(false)
  })
})

describe("a user's channel", () => {
  test("is the user's own, and refused to a stranger", async () => {
    const userId = newUser()
    expect(await (await browser(userId)).join(`private-user@${userId}`)).toBe(true)
    expect(await (await browser('stranger')).join(`private-user@${userId}`)).toBe(false)
  })

  test('of the stream is open to followers, from when they follow to when they cease', async () => {
    const userId = newUser()
    const join = async () => (await browser('fan')).join(`private-stream@${userId}`)
    expect(await join()).toBe(false)
    await server.put(`/users/${userId}/followers/fan`)
    expect(await join()).toBe(true)
    await server.del(`/users/${userId}/followers/fan`)
    expect(await join()).toBe(false)
  })

  test.each([
    ['without a caller', { socket_id: '1.2', channel_name: 'private-user@x' }, 403, 'RC_NOT_ALLOWED'],
    ['with no socket', { socket_id: 'x', channel_name: 'private-user@x', user_id: 'x' }, 400, 'RC_INVALID_INPUT'],
    [
      'of too many bytes',
      { socket_id: '1.2', channel_name: 'x', user_id: 'x'.repeat(9_000) },
      413,
      'RC_BODY_TOO_LARGE',
    ],
    ['to a channel there is not', { socket_id: '1.2', channel_name: 'else', user_id: 'x' }, 403, 'RC_NOT_ALLOWED'],
  ])('%s is refused', async (_, body, status, code) => {
    const reply = await server.post('/pusher/auth', body)
    expect([reply.status, reply.body.code]).toEqual([status, code])
  })
})

describe('a webhook', () => {
  test('that Pusher signed is taken', async () => {
    const events = [{ name: 'channel_vacated', channel: 'private-stream@sam' }]
    expect((await pusher.sendWebhook(`${await server.url}/pusher/webhook`, events)).status).toBe(200)
  })

  test.each([
    ['without a signature', {}],
    ['with another signature', { 'x-pusher-key': 'key-5f0c19', 'x-pusher-signature': 'a'.repeat(64) }],
  ])('%s is refused', async (_, headers) => {
    const reply = await server.post('/pusher/webhook', { time_ms: 1, events: [] }, headers)
    expect([reply.status, reply.body.code]).toEqual([401, 'RC_UNSIGNED'])
  })
})

describe('followers', () => {
  test('are told once that their streamer is live; who is gone is forgotten', async () => {
    const userId = newUser()
    await server.put(`/users/${userId}`, { username: 'Sam' })
    for (const fan of ['fan-a', 'fan-b']) {
      await server.put(`/users/${userId}/followers/${fan}`)
      await server.put(`/users/${fan}/registrations/phone`, { kind: 'fid', value: `${userId} ${fan}` })
    }
    firebase.dead.add(`${userId} fan-b`)
    const { id } = await start(userId)
    await start(userId)
    await until(async () => {
      const [effect] = (await effectsOf(userId)).filter(({ kind }) => kind === 'notify_followers_livestream_online')
      expect(effect).toMatchObject({ state: 'sent', detail: { sent: 1, dead: 1 } })
    })
    const told = firebase.messages.filter(({ fid }) => fid?.startsWith(`${userId} `))
    expect(told).toMatchObject([{ fid: `${userId} fan-a`, data: { sessionId: id } }])
  })
})

describe('while Pusher does not answer', () => {
  test('requests are answered as ever, and all is sent when it does', async () => {
    pusher.hang()
    const userIds = Array.from({ length: 40 }, newUser)
    await inParallel(20, userIds, async userId => {
      expect((await server.post('/sessions', { userId })).status).toBe(201)
    })
    expect((await effectsOf(userIds[0]!, 'waiting')).map(({ kind }) => kind)).toContain(
      'notify_viewers_livestream_online',
    )
    pusher.hang(null)
    await until(() => {
      const streamers = new Set(pusher.events.map(({ data }) => data.streamerId))
      expect(userIds.filter(userId => !streamers.has(userId))).toEqual([])
    })
  })
})

describe('an effect that Pusher refuses', () => {
  const refused = async (): Promise<[userId: string, effect: Body]> => {
    const userId = newUser()
    pusher.fail(events => (events.some(({ data }) => data.streamerId === userId) ? 400 : 200))
    await start(userId)
    await until(async () => expect(await effectsOf(userId, 'parked')).toHaveLength(1))
    pusher.fail(null)
    return [userId, (await effectsOf(userId, 'parked'))[0]]
  }
  const decide = (id: string, verb: string) => server.post(`/effects/${encodeURIComponent(id)}/${verb}`, {})

  test('is parked, with why, and sent by a retry', async () => {
    const [userId, effect] = await refused()
    expect(effect).toMatchObject({ kind: 'notify_viewers_livestream_online', code: 'RC_SERVICE_REFUSED' })
    expect(effect.error).toContain('400')
    expect((await decide(effect.id, 'retry')).status).toBe(202)
    await until(() => expect(pusher.events.map(({ data }) => data.id)).toContain(effect.id))
    expect(await effectsOf(userId, 'parked')).toEqual([])
  })

  test('is given up by a drop', async () => {
    const [userId, effect] = await refused()
    await decide(effect.id, 'drop')
    await until(async () => expect(await effectsOf(userId, 'dropped')).toMatchObject([{ id: effect.id }]))
    expect(pusher.events.map(({ data }) => data.id)).not.toContain(effect.id)
  })

  test('is parked still after a kill', async () => {
    const [userId, effect] = await refused()
    await server.restart()
    const same = [{ id: effect.id, error: effect.error }]
    await until(async () => expect(await effectsOf(userId, 'parked')).toMatchObject(same))
  })

  test.each(['retry', 'drop'])('that is not parked has nothing to %s', async verb => {
    const userId = newUser()
    await start(userId)
    expect((await decide((await effectsOf(userId))[0].id, verb)).status).toBe(404)
  })

  test('leaves no key or secret in the log', async () => {
    await refused()
    const { key, secret, appId } = pusher.settings
    expect(server.output).toContain('RC_SERVICE_REFUSED')
    expect([key, secret, appId].filter(word => server.output.includes(word))).toEqual([])
    expect(server.output).not.toContain('PRIVATE KEY')
  })
})

describe('a feed', () => {
  const feed = async (alias: string): Promise<Body> => (await server.get(`/feeds/${alias}`)).body

  test('shows who is live half a minute after the start, with how many watch', { timeout: 120_000 }, async () => {
    const userId = newUser()
    await server.put(`/users/${userId}`, {
      username: 'Sam',
      tags: ['country:tw', 'badge:new', 'feed:user_livestream-asia:3'],
    })
    await server.post('/earnings', { id: `e-${userId}`, userId, amount: 12 })
    const banned = newUser()
    await server.put(`/users/${banned}`, { tags: ['country:tw', 'banned'] })
    await start(banned)
    const { id } = await start(userId)
    await setPreset(id, 'sd')
    await server.post('/heartbeats', { userId: 'viewer-1', path: `/sessions/${id}` })
    const find = async (alias: string) => (await feed(alias)).items?.find((item: Body) => item.id === userId)
    const both = ['user_livestream-asia-filtered', 'user_livestream_most_recent-asia']
    await vi.waitFor(async () => expect(await Promise.all(both.map(find))).not.toContain(undefined), {
      ...{ timeout: 100_000, interval: 200 },
    })
    expect(await find('user_livestream_most_recent-asia')).toMatchObject({
      ...{ username: 'Sam', priority: -3, badges: ['badge:new'] },
      metadata: { preset: 'sd', revenue: 12, viewers: 1, currentRating: 0 },
    })
    expect(await feed('user_livestream_most_recent-asia')).toEqual(await feed('user_livestream-asia'))
    const { effects } = (await server.get('/effects?actor=feed/asia')).body
    const aliases = ['user_livestream-asia', 'user_livestream_most_recent-asia']
    const told = effects.find(({ kind }: Body) => kind === 'feed.updated')
    expect(told.payload).toMatchObject({ feed: 'asia', aliases })
    const { items } = await feed('user_livestream-asia-filtered')
    expect(items.map((item: Body) => item.id)).not.toContain(banned)
    const { body } = await server.get(`/sessions/${id}`)
    expect([body.metadata.viewerCount, 'viewersAt' in body]).toEqual([1, false])
  })

  test('that is not configured is not there', async () => {
    expect((await server.get('/feeds/user_livestream-mars')).status).toBe(404)
  })
})

describe('the viewers of a streamer', () => {
  test('are kept by preset, with when they were last there', async () => {
    const userId = newUser()
    const { id } = await start(userId)
    const at = Date.now()
    await server.post('/heartbeats', { userId: 'viewer-1', path: `/sessions/${id}`, at })
    await setPreset(id, 'sd')
    await server.post('/heartbeats', { userId: 'viewer-2', path: `/sessions/${id}`, at })
    const { body } = await server.get(`/users/${userId}/viewers`, { after: true })
    expect(body).toEqual({
      viewers: { preview: [{ userId: 'viewer-1', lastAt: at }], sd: [{ userId: 'viewer-2', lastAt: at }] },
    })
  })
})
