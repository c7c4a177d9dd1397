import { ObjectId } from 'mongodb'
import { describe, expect, test } from 'vitest'
import { connectMongo } from '../../src/mongodb/index.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { startServer } from '../support/server.ts'

const mongodb = mongodbServer()
const [ACTIVE, EARLIER] = ['65f0c0ffee65f0c0ffee65f0', '65f0c0ffee65f0c0ffee65ef']

describe.skipIf(mongodb === null)('sessions of another program, under ObjectIds,', () => {
  test('are gone on with where they are: found, watched, changed, ended, and followed by the next', async () => {
    const url = mongodb!.freshUrl()
    const mongo = await connectMongo(url)
    const sessions = mongo.db.collection('sessions')
    const rated = { rating: { current: 4, currentCount: 25 }, statuses: { started: new Date('2026-01-01T10:00:00Z') } }
    await sessions.insertMany([
      { _id: new ObjectId(EARLIER), userId: 'sam', active: false, title: 'Earlier' },
      { _id: new ObjectId(ACTIVE), userId: 'sam', active: true, title: 'Before', status: { preset: 'sd' }, ...rated },
    ])
    const server = await startServer({ ROLLCALL_MONGODB_URL: url, ROLLCALL_TAKE_OVER_MS: '1000' })
    expect((await server.get(`/sessions/${ACTIVE}`)).body).toMatchObject({ id: ACTIVE, title: 'Before' })
    expect((await server.get('/sessions')).body.sessions).toMatchObject([{ id: ACTIVE }, { id: EARLIER }])

    const again = await server.post('/sessions', { userId: 'sam' })
    expect([again.status, again.body]).toMatchObject([200, { id: ACTIVE, title: 'Before', rating: { current: 4 } }])
    expect(again.body.statuses.started).toBe('2026-01-01T10:00:00.000Z')
    await server.post('/heartbeats', { userId: 'ann', path: `/sessions/${ACTIVE}` })
    expect((await server.get(`/sessions/${ACTIVE}/viewers`, { after: true })).body).toEqual({ alive: 1, attendance: 1 })
    await server.restart()
    expect((await server.post(`/sessions/${ACTIVE}/preset`, { preset: 'preview' })).status).toBe(200)
    expect((await server.post(`/sessions/${ACTIVE}/end`, {})).body).toMatchObject({ id: ACTIVE, active: false })
    const next = await server.post('/sessions', { userId: 'sam' })
    expect([next.status, next.body]).toMatchObject([201, { rating: { current: 4, currentCount: 25 } }])
    await server.stop()

    const held = await sessions.find({ userId: 'sam' }).toArray()
    expect(held.map(({ _id, active }) => [`${_id}`, typeof _id, active]).sort()).toEqual(
      [
        ...[
          [EARLIER, 'object', false],
          [ACTIVE, 'object', false],
        ],
        [next.body.id, 'string', true],
      ].sort(),
    )
    await mongo.close()
  })
})
