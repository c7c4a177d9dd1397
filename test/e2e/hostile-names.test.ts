import { describe, expect, it } from 'vitest'
import { NOW, standingServer } from '../support/hostile.ts'
import { type Body, startServer } from '../support/server.ts'

const standing = standingServer()

describe('names that mean something in JavaScript', () => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString']

  it('are viewers like all others', async () => {
    const own = await startServer()
    await own.post(
      '/heartbeats',
      names.map(userId => ({ userId, path: '/', at: NOW })),
    )
    const answers = []
    for (const userId of names) {
      answers.push((await own.get(`/users/${userId}/viewing-sessions`, { after: true })).body.viewingSessions)
    }
    expect(answers).toEqual(names.map(userId => [{ id: `${userId}-${NOW}`, start: NOW, end: NOW }]))
  })

  it('are streams like all others', async () => {
    const own = await startServer()
    await own.post(
      '/heartbeats',
      names.map(name => ({ userId: name, path: `/sessions/${name}`, at: NOW })),
    )
    const { body } = await own.get('/viewers', { after: true })
    const { length } = names
    expect(body.withoutSession).toEqual({ alive: length, attendance: length, streams: length })
    for (const name of names) {
      expect((await own.get(`/sessions/${name}/viewers`)).body, name).toEqual({ alive: 1, attendance: 1 })
    }
  })

  it('are groups like all others', async () => {
    const own = await startServer()
    await own.post('/heartbeats', { userId: 'u', path: '/', at: NOW, groups: names })
    const { body } = await own.get('/statistics?from=0&to=9999999999999', { after: true })
    expect(Object.entries(body.records[0].countByUserGroup).sort()).toEqual(names.map(name => [name, 1]).sort())
  })

  it('are visitors and event ids like all others', async () => {
    await standing.server.deliver(
      '/events',
      names.flatMap(sessionId => names.map(id => ({ sessionId, id, ts: 1_600_000_000_000, page: '/' }))),
    )
    const answers = []
    for (const name of names) {
      const { body } = await standing.server.get(`/web-sessions?visitor=${name}&day=2020-09-13`, { after: true })
      answers.push(body.webSessions.map((session: Body) => [session.id, session.eventIds]))
    }
    expect(answers).toEqual(names.map(name => [[`${name}-2020-09-13`, [...names].sort()]]))
  })

  it('are streamers like all others', async () => {
    const statuses = []
    for (const userId of names) statuses.push((await standing.server.post('/sessions', { userId })).status)
    for (const userId of names) statuses.push((await standing.server.post('/sessions', { userId })).status)
    expect(statuses).toEqual([201, 201, 201, 201, 200, 200, 200, 200])
  })

  it('are users like all others', async () => {
    for (const id of names) await standing.server.put(`/users/${id}`, { username: `name of ${id}` })
    const answers = []
    for (const id of names) answers.push((await standing.server.get(`/users/${id}`)).body.username)
    expect(answers).toEqual(names.map(id => `name of ${id}`))
  })

  it('find nothing where nothing is', async () => {
    const statuses = []
    for (const name of names) statuses.push((await standing.server.get(`/sessions/${name}`)).status)
    expect(statuses).toEqual([404, 404, 404, 404])
  })

  for (const body of [
    '{"userId":"polluted","path":"/","__proto__":{"country":"XX","polluted":true}}',
    '{"userId":"polluted","path":"/","constructor":{"prototype":{"polluted":true}}}',
    '{"__proto__":{"userId":"polluted","path":"/"}}',
  ]) {
    it(`are dropped or refused as fields: ${body}`, async () => {
      const sent = await standing.raw('/heartbeats', body)
      expect(sent.status).toBeLessThan(500)
      const { status } = await standing.server.put(
        '/users/clean',
        JSON.parse('{"username":"clean","__proto__":{"country":"XX"}}'),
      )
      expect(status).toBeLessThan(500)
      expect((await standing.server.get('/users/clean')).body.country ?? null).toBeNull()
    })
  }
})
