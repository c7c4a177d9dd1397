import { beforeAll, describe, expect, it } from 'vitest'
import { type Body, type Server, startServer } from '../support/server.ts'
import { streamerSessions } from '../support/streamer-sessions.ts'

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const OBJECT_ID = expect.stringMatching(/^[0-9a-f]{24}$/)

let server: Server
const { newUser, created, changed, golive, end } = streamerSessions(() => server)

beforeAll(async () => {
  server = await startServer()
})

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
