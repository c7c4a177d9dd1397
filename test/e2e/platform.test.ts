import { beforeAll, describe, expect, it } from 'vitest'
import { type Body, type Server, startServer } from '../support/server.ts'
import { streamerSessions } from '../support/streamer-sessions.ts'

let server: Server
const { changed } = streamerSessions(() => server)

beforeAll(async () => {
  server = await startServer()
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
