import { describe, expect, test, vi } from 'vitest'
import type { StoredPiece as Piece } from '../../src/checkpoint/mongo/blobs.ts'
import { connectMongo } from '../../src/mongodb/index.ts'
import { flipped } from '../support/flipped.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Env, ended, type Ran, rollcall, startServer } from '../support/server.ts'

const mongodb = mongodbServer()
const SETTINGS: Env = { ROLLCALL_PARTITIONS: '2', ROLLCALL_SHARDS: '1', ROLLCALL_TAKE_OVER_MS: '2000' }
const USERS = Array.from({ length: 12 }, (_, i) => `u${i}`)

describe.skipIf(mongodb === null || natsServerBinary() === null)('a checkpoint in MongoDB with another bit', () => {
  test('stops its partition alone, is named by doctor, and made anew from the log in JetStream by repair', async () => {
    const nats = await startNatsServer()
    const url = mongodb!.freshUrl()
    const env: Env = { ...SETTINGS, ROLLCALL_MONGODB_URL: url, ROLLCALL_NATS_URL: nats.url }
    const run = (command: string): Promise<Ran> => ended(rollcall([command], { ...env, ROLLCALL_DATA: server.data }))
    const server = await startServer(env)
    await server.post(
      '/heartbeats',
      USERS.map(userId => ({ userId, path: '/' })),
    )
    expect((await server.get('/viewers', { after: true })).body.attendance).toBe(USERS.length)
    await server.stop()

    const { db, close } = await connectMongo(url)
    const pieces = db.collection<Piece>('checkpoint-blobs', { promoteBuffers: true })
    for await (const { _id, b } of pieces.find({ _id: { $regex: '^0/' } }))
      await pieces.updateOne({ _id }, { $set: { b: flipped(b, 70) } })
    await close()

    const said = /RC_CHECKPOINT_CORRUPT: Partition 0: the piece 0\/\S+ of the checkpoint/
    const found = await run('doctor')
    expect([found.code, found.stdout]).toEqual([1, expect.stringMatching(said)])
    await server.start()
    await vi.waitFor(async () => {
      const { stopped } = (await server.get('/readyz')).body
      expect(stopped).toMatchObject([{ partition: 0, stopped: { code: 'RC_CHECKPOINT_CORRUPT' } }])
    }, 10_000)
    await server.stop()

    const repaired = await run('repair')
    expect([repaired.code, repaired.stdout]).toEqual([0, expect.stringContaining('"replays":true')])
    await server.start()
    await server.post('/heartbeats', { userId: 'new', path: '/' })
    expect((await server.get('/viewers', { after: true })).body.attendance).toBe(USERS.length + 1)
    expect((await server.get('/readyz')).status).toBe(200)
    await server.stop()
    await nats.stop()
  })
})
