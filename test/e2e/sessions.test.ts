import { beforeAll, describe, expect, it } from 'vitest'
import { type Body, inParallel, type Server, startServer } from '../support/server.ts'

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const OBJECT_ID = expect.stringMatching(/^[0-9a-f]{24}$/)

let server: Server
let users = 0

beforeAll(async () => {
  server = await startServer()
})

const newUser = (): string => `streamer-${++users}`

async function created(userId: string, more: object = {}): Promise<Body> {
  const { status, body } = await server.post('/sessions', { userId, ...more })
  expect([status, body]).toEqual([201, expect.anything()])
  return body
}

async function changed(method: 'POST' | 'PUT', path: string, body?: unknown): Promise<Body> {
  const reply = method === 'POST' ? await server.post(path, body ?? {}) : await server.put(path, body)
  expect([reply.status, reply.body]).toEqual([200, expect.anything()])
  return reply.body
}

const golive = (id: string) => changed('POST', `/sessions/${id}/preset`, { preset: 'sd' })
const rate = (id: string, userId: string, score: number) =>
  changed('POST', `/sessions/${id}/ratings`, { userId, score })
const end = (id: string) => changed('POST', `/sessions/${id}/end`)

describe('a streamer session that begins', () => {
  it('is created in preview with the whole document', async () => {
    const userId = newUser()
    expect(await created(userId, { title: 'Hello' })).toEqual({
      id: OBJECT_ID,
      userId,
      title: 'Hello',
      active: true,
      tags: expect.any(Array),
      pricing: { preset: 'preview', price: expect.any(Number) },
      status: { preset: 'preview' },
      statuses: { created: ISO },
      rating: { current: 0, currentCount: 0, previous: 0, previousCount: 0 },
      showGoalPairs: [],
      exclusiveGoalPairs: [],
      metadata: expect.any(Object),
    })
  })

  it('is found by its id as it was answered', async () => {
    const session = await created(newUser())
    const { status, body } = await server.get(`/sessions/${session.id}`)
    expect([status, body]).toEqual([200, session])
  })

  it('is the same one for whoever asks again', async () => {
    const userId = newUser()
    const session = await created(userId)
    const { status, body } = await server.post('/sessions', { userId, title: 'another title' })
    expect([status, body]).toEqual([200, session])
  })

  it('is created once by 200 requests at once', async () => {
    const userId = newUser()
    const replies = await Promise.all(Array.from({ length: 200 }, () => server.post('/sessions', { userId })))
    expect(replies.map(reply => reply.status).sort()).toEqual([...Array(199).fill(200), 201])
    expect(new Set(replies.map(reply => reply.body.id)).size).toBe(1)
  })

  it('is still there, and not created anew, when the reply was lost in a crash', async () => {
    const userId = newUser()
    const own = await startServer()
    const first = await own.post('/sessions', { userId })
    await own.restart()
    const again = await own.post('/sessions', { userId })
    expect([again.status, again.body]).toEqual([200, first.body])
  })

  it('takes its tags and its name from the tags of its streamer', async () => {
    const userId = newUser()
    await changed('PUT', `/users/${userId}`, {
      username: 'amy',
      country: 'TW',
      groups: ['free'],
      tags: [
        'country:tw',
        'hashtag:music',
        'badge:new',
        'badge:vip',
        'badge:livestream_gold',
        'badge:livestream_top',
        'x',
      ],
    })
    const session = await created(userId, { device: 'lovense' })
    expect([[...session.tags].sort(), session.metadata.name]).toEqual([
      ['badge:new', 'country:tw', 'device:lovense', 'hashtag:music'],
      'badge:livestream_gold',
    ])
  })

  it('takes the id of a source that has started', async () => {
    const userId = newUser()
    const sessionId = '64f1f77bcf86cd7994390111'
    await changed('PUT', `/sources/${userId}/obs`, {
      statuses: { started: new Date().toISOString() },
      metadata: { sessionId },
    })
    expect((await created(userId)).id).toBe(sessionId)
  })

  it('takes no id of a source that has not started', async () => {
    const userId = newUser()
    const sessionId = '64f1f77bcf86cd7994390222'
    await changed('PUT', `/sources/${userId}/obs`, { metadata: { sessionId } })
    expect((await created(userId)).id).not.toBe(sessionId)
  })

  it('takes the id of a source only once', async () => {
    const userId = newUser()
    const sessionId = '64f1f77bcf86cd7994390333'
    await changed('PUT', `/sources/${userId}/obs`, {
      statuses: { started: new Date().toISOString() },
      metadata: { sessionId },
    })
    await end((await created(userId)).id)
    expect((await created(userId)).id).not.toBe(sessionId)
  })
})

describe('a streamer session that is active', () => {
  it('is live from the first change to sd', async () => {
    const session = await created(newUser())
    const live = await golive(session.id)
    expect([live.status.preset, live.statuses]).toEqual(['sd', { created: session.statuses.created, started: ISO }])
  })

  it('keeps the time it first went live', async () => {
    const { id } = await created(newUser())
    const live = await golive(id)
    await changed('POST', `/sessions/${id}/preset`, { preset: 'preview' })
    expect((await golive(id)).statuses.started).toBe(live.statuses.started)
  })

  it('goes back to preview', async () => {
    const { id } = await created(newUser())
    await golive(id)
    expect((await changed('POST', `/sessions/${id}/preset`, { preset: 'preview' })).status.preset).toBe('preview')
  })

  it('shows the goals that were set', async () => {
    const { id } = await created(newUser())
    const goals = {
      showGoalPairs: [{ title: 'dance', price: 50 }],
      exclusiveGoalPairs: [{ title: 'private', price: 900 }],
    }
    expect(await changed('PUT', `/sessions/${id}/goals`, goals)).toMatchObject(goals)
  })

  it('shows the goals that were set last', async () => {
    const { id } = await created(newUser())
    await changed('PUT', `/sessions/${id}/goals`, { showGoalPairs: [{ title: 'a', price: 1 }], exclusiveGoalPairs: [] })
    const goals = { showGoalPairs: [{ title: 'b', price: 2 }], exclusiveGoalPairs: [] }
    expect(await changed('PUT', `/sessions/${id}/goals`, goals)).toMatchObject(goals)
  })

  it('is among the active ones', async () => {
    const { id } = await created(newUser())
    const { body } = await server.get('/sessions?active=true')
    expect(body.sessions.map((session: Body) => session.id)).toContain(id)
  })

  it('counts its viewers', async () => {
    const { id } = await created(newUser())
    await server.deliver('/heartbeats', [
      { userId: `${id}-a`, path: `/sessions/${id}`, at: Date.now() },
      { userId: `${id}-b`, path: `/live/${id}/chat`, at: Date.now() },
      { userId: `${id}-c`, path: `/live/${id}`, at: Date.now() - 600_000 },
      { userId: `${id}-d`, path: '/', at: Date.now() },
    ])
    const { body } = await server.get(`/sessions/${id}/viewers`, { after: true })
    expect(body).toEqual({ alive: 2, attendance: 3 })
  })

  it('keeps every change through a kill -9', async () => {
    const own = await startServer()
    const { body: session } = await own.post('/sessions', { userId: 'u', title: 'T' })
    await own.post(`/sessions/${session.id}/preset`, { preset: 'sd' })
    await own.put(`/sessions/${session.id}/goals`, {
      showGoalPairs: [{ title: 'a', price: 1 }],
      exclusiveGoalPairs: [],
    })
    const { body: rated } = await own.post(`/sessions/${session.id}/ratings`, { userId: 'r', score: 5 })
    await own.restart()
    expect((await own.get(`/sessions/${session.id}`)).body).toEqual(rated)
  })
})

describe('the rating of a streamer session', () => {
  it('is the mean of its raters', async () => {
    const { id } = await created(newUser())
    await rate(id, 'r1', 5)
    expect((await rate(id, 'r2', 4)).rating).toEqual({ current: 4.5, currentCount: 2, previous: 0, previousCount: 0 })
  })

  it('counts the last score of each rater', async () => {
    const { id } = await created(newUser())
    await rate(id, 'r1', 5)
    await rate(id, 'r2', 4)
    expect((await rate(id, 'r1', 2)).rating).toMatchObject({ current: 3, currentCount: 2 })
  })

  it('stays when the same score is given again', async () => {
    const { id } = await created(newUser())
    const first = await rate(id, 'r1', 3)
    expect((await rate(id, 'r1', 3)).rating).toEqual(first.rating)
  })

  it('counts every one of many raters at once', async () => {
    const { id } = await created(newUser())
    const raters = Array.from({ length: 60 }, (_, i) => i)
    await inParallel(20, raters, async i => {
      await rate(id, `r${i}`, (i % 5) + 1)
    })
    const { body } = await server.get(`/sessions/${id}`)
    expect(body.rating).toMatchObject({ current: 3, currentCount: 60 })
  })

  it('begins with that of the last session that was live', async () => {
    const userId = newUser()
    const first = await created(userId)
    await golive(first.id)
    await rate(first.id, 'r1', 4)
    await rate(first.id, 'r2', 3)
    await end(first.id)
    expect((await created(userId)).rating).toEqual({ current: 3.5, currentCount: 2, previous: 3.5, previousCount: 2 })
  })

  it('weighs its own raters with those before', async () => {
    const userId = newUser()
    const first = await created(userId)
    await golive(first.id)
    await rate(first.id, 'r1', 4)
    await rate(first.id, 'r2', 3)
    await end(first.id)
    const second = await created(userId)
    expect((await rate(second.id, 'r1', 5)).rating).toEqual({
      current: 4,
      currentCount: 3,
      previous: 3.5,
      previousCount: 2,
    })
  })

  it('passes over a session that never was live', async () => {
    const userId = newUser()
    const first = await created(userId)
    await golive(first.id)
    await rate(first.id, 'r1', 4)
    await end(first.id)
    const second = await created(userId)
    await rate(second.id, 'r1', 1)
    await end(second.id)
    expect((await created(userId)).rating).toMatchObject({ previous: 4, previousCount: 1 })
  })
})

describe('a streamer session that has ended', () => {
  it('is no longer active and says when it ended', async () => {
    const session = await created(newUser())
    expect(await end(session.id)).toMatchObject({
      active: false,
      statuses: { created: session.statuses.created, ended: ISO },
    })
  })

  it('ends once, however often it is told to', async () => {
    const { id } = await created(newUser())
    const ended = await end(id)
    expect(await end(id)).toEqual(ended)
  })

  it('is not among the active ones', async () => {
    const { id } = await created(newUser())
    await end(id)
    const { body } = await server.get('/sessions?active=true')
    expect(body.sessions.map((session: Body) => session.id)).not.toContain(id)
  })

  it('takes no preset', async () => {
    const { id } = await created(newUser())
    await end(id)
    const { status, body } = await server.post(`/sessions/${id}/preset`, { preset: 'sd' })
    expect([status, body.code]).toEqual([409, 'RC_SESSION_ENDED'])
  })

  it('takes no goals', async () => {
    const { id } = await created(newUser())
    await end(id)
    const { status, body } = await server.put(`/sessions/${id}/goals`, { showGoalPairs: [], exclusiveGoalPairs: [] })
    expect([status, body.code]).toEqual([409, 'RC_SESSION_ENDED'])
  })

  it('leaves room for a new one of the same streamer', async () => {
    const userId = newUser()
    const first = await created(userId)
    await end(first.id)
    expect((await created(userId)).id).not.toBe(first.id)
  })

  it('is kept beside the new one', async () => {
    const userId = newUser()
    const first = await created(userId)
    const ended = await end(first.id)
    await created(userId)
    expect((await server.get(`/sessions/${first.id}`)).body).toEqual(ended)
  })
})

describe('a streamer session nobody created', () => {
  for (const [method, path, body] of [
    ['GET', '/sessions/nobody'],
    ['POST', '/sessions/nobody/preset', { preset: 'sd' }],
    ['POST', '/sessions/nobody/end', {}],
    ['POST', '/sessions/nobody/ratings', { userId: 'r', score: 3 }],
    ['PUT', '/sessions/nobody/goals', { showGoalPairs: [], exclusiveGoalPairs: [] }],
  ] as const) {
    it(`is not found by ${method} ${path}`, async () => {
      const reply =
        method === 'GET' ? server.get(path) : method === 'POST' ? server.post(path, body) : server.put(path, body)
      const answer = await reply
      expect([answer.status, answer.body.code]).toEqual([404, 'RC_SESSION_NOT_FOUND'])
    })
  }
})

describe('a change that does not fit', () => {
  const faulty: [name: string, path: string, body: unknown, at: string][] = [
    ['a preset there is not', 'preset', { preset: 'hd' }, 'preset'],
    ['a score of 0', 'ratings', { userId: 'r', score: 0 }, 'score'],
    ['a score of 6', 'ratings', { userId: 'r', score: 6 }, 'score'],
    ['half a score', 'ratings', { userId: 'r', score: 2.5 }, 'score'],
    ['a score in words', 'ratings', { userId: 'r', score: '5' }, 'score'],
    ['a rating of nobody', 'ratings', { score: 5 }, 'userId'],
  ]
  for (const [name, verb, body, at] of faulty) {
    it(`is refused: ${name}`, async () => {
      const { id } = await created(newUser())
      const reply = await server.post(`/sessions/${id}/${verb}`, body)
      expect([reply.status, reply.body.code, reply.body.faults?.[0]?.path]).toEqual([400, 'RC_INVALID_INPUT', at])
    })
  }

  it('is refused: a session of nobody', async () => {
    const { status, body } = await server.post('/sessions', { title: 'T' })
    expect([status, body.code, body.faults?.[0]?.path]).toEqual([400, 'RC_INVALID_INPUT', 'userId'])
  })

  it('is refused: a device there is not', async () => {
    const { status, body } = await server.post('/sessions', { userId: newUser(), device: 'toaster' })
    expect([status, body.code, body.faults?.[0]?.path]).toEqual([400, 'RC_INVALID_INPUT', 'device'])
  })

  it('is refused: a goal without a price', async () => {
    const { id } = await created(newUser())
    const { status, body } = await server.put(`/sessions/${id}/goals`, {
      showGoalPairs: [{ title: 'a' }],
      exclusiveGoalPairs: [],
    })
    expect([status, body.code, body.faults?.[0]?.path]).toEqual([400, 'RC_INVALID_INPUT', 'showGoalPairs.0.price'])
  })
})

describe('the data of the platform', () => {
  it('gives a user back as it was put', async () => {
    const user = { username: 'bo', country: 'DE', groups: ['free'], tags: ['badge:new'], profile: { biography: 'hi' } }
    await changed('PUT', '/users/bo', user)
    const { status, body } = await server.get('/users/bo')
    expect([status, body]).toEqual([200, expect.objectContaining({ id: 'bo', ...user })])
  })

  it('gives a user back as it was put last', async () => {
    await changed('PUT', '/users/cy', { username: 'cy', tags: ['a'] })
    await changed('PUT', '/users/cy', { username: 'cyrus', tags: ['b'] })
    expect((await server.get('/users/cy')).body).toMatchObject({ username: 'cyrus', tags: ['b'] })
  })

  it('knows no user that was not put', async () => {
    const { status, body } = await server.get('/users/nobody-at-all')
    expect([status, body.code]).toEqual([404, 'RC_NOT_FOUND'])
  })

  it('stamps a heartbeat with the country of its user', async () => {
    const own = await startServer()
    await own.put('/users/dee', { username: 'dee', country: 'JP' })
    await own.post('/heartbeats', { userId: 'dee', path: '/' })
    const { body } = await own.get('/statistics?from=0&to=9999999999999', { after: true })
    expect(body.records[0].countByViewingCountry).toEqual({ JP: 1 })
  })

  it('stamps a heartbeat with the country put last', async () => {
    const own = await startServer()
    await own.put('/users/dee', { username: 'dee', country: 'JP' })
    await own.post('/heartbeats', { userId: 'dee', path: '/', at: Date.now() - 3_000_000 })
    await own.put('/users/dee', { username: 'dee', country: 'FR' })
    await own.post('/heartbeats', { userId: 'dee', path: '/' })
    const { body } = await own.get('/statistics?from=0&to=9999999999999', { after: true })
    expect(body.records.map((record: Body) => record.countByViewingCountry)).toEqual([{ JP: 1 }, { FR: 1 }])
  })

  const writes: [name: string, method: 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown][] = [
    ['a follower', 'PUT', '/users/bo/followers/ann'],
    ['a follower who is there already', 'PUT', '/users/bo/followers/ann'],
    ['that a follower left', 'DELETE', '/users/bo/followers/ann'],
    ['that a follower left who was not there', 'DELETE', '/users/bo/followers/ann'],
    ['a registration by fid', 'PUT', '/users/bo/registrations/phone', { kind: 'fid', value: 'f1' }],
    ['a registration by token', 'PUT', '/users/bo/registrations/tablet', { kind: 'token', value: 't1' }],
    ['that a registration is gone', 'DELETE', '/users/bo/registrations/phone'],
    ['an earning', 'POST', '/earnings', { id: 'e1', userId: 'bo', amount: 12.5 }],
    ['an earning that is there already', 'POST', '/earnings', { id: 'e1', userId: 'bo', amount: 12.5 }],
    ['the trending users', 'PUT', '/trending', { userIds: ['bo', 'cy'] }],
    ['that nobody is trending', 'PUT', '/trending', { userIds: [] }],
  ]
  for (const [name, method, path, body] of writes) {
    it(`takes ${name}`, async () => {
      const reply =
        method === 'DELETE'
          ? await server.del(path)
          : method === 'PUT'
            ? await server.put(path, body)
            : await server.post(path, body)
      expect([reply.status, reply.body]).toEqual([200, expect.anything()])
    })
  }

  const refused: [name: string, method: 'PUT' | 'POST', path: string, body: unknown, at: string][] = [
    ['a registration of an unknown kind', 'PUT', '/users/bo/registrations/x', { kind: 'pigeon', value: 'v' }, 'kind'],
    ['an earning without an amount', 'POST', '/earnings', { id: 'e2', userId: 'bo' }, 'amount'],
    ['a trending user that is a number', 'PUT', '/trending', { userIds: ['a', 7] }, 'userIds.1'],
    ['a user whose tags are no list', 'PUT', '/users/bo', { username: 'bo', tags: 'badge:new' }, 'tags'],
  ]
  for (const [name, method, path, body, at] of refused) {
    it(`refuses ${name}`, async () => {
      const reply = method === 'PUT' ? await server.put(path, body) : await server.post(path, body)
      expect([reply.status, reply.body.code, reply.body.faults?.[0]?.path]).toEqual([400, 'RC_INVALID_INPUT', at])
    })
  }
})
