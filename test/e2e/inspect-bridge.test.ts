import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { eventStream, type Told } from '../support/event-stream.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Env, type Server, startServer } from '../support/server.ts'

const mongodb = mongodbServer()
const ACTOR = '/inspect/actors/streamer-session/sam'

describe.skipIf(mongodb === null || natsServerBinary() === null)('a bridge that owns nothing', () => {
  let nats: NatsServer
  let owner: Server
  let bridge: Server
  let id: string

  beforeAll(async () => {
    nats = await startNatsServer()
    const urls = { ROLLCALL_NATS_URL: nats.url, ROLLCALL_MONGODB_URL: mongodb!.freshUrl() }
    const env: Env = { ROLLCALL_FLUSH_MS: '100', ROLLCALL_TAKE_OVER_MS: '1500', ...urls }
    owner = await startServer(env)
    bridge = await startServer(env)
    expect(bridge.output).toContain('standing by')
    id = (await owner.post('/sessions', { userId: 'sam', title: 'Hello' })).body.id
    await owner.post('/heartbeats', { userId: 'ann', path: '/' })
    await owner.get(ACTOR, { after: true })
  })
  afterAll(async () => {
    for (const server of [owner, bridge]) await server?.kill().catch(() => {})
    await nats?.stop()
  })

  test('shows any actor, who is there and how many are where, as the owner does', async () => {
    for (const path of [ACTOR, '/inspect/actors?limit=10', '/inspect/actors?state=preview']) {
      const [own, other] = await Promise.all([owner, bridge].map(server => server.get(path)))
      expect(own!.status).toBe(200)
      await vi.waitFor(async () => expect((await bridge.get(path)).body).toEqual((await owner.get(path)).body))
      expect(other!.status).toBe(200)
    }
    const { body } = await bridge.get('/inspect/population/streamer-session')
    expect(body.states).toEqual({ preview: 1 })
  })

  test('follows an actor as it goes on, also when it becomes the owner itself', async () => {
    const { told } = await eventStream(`${await bridge.url}${ACTOR}/live`)
    const frames: StatelyInspectionEvent[] = []
    const server = `${(await bridge.url).replace('http', 'ws')}/inspect/stately?actor=streamer-session/sam`
    createWebSocketReceiver({ server }).subscribe(frame => frames.push(frame))
    await vi.waitFor(() => expect(frames).toHaveLength(1))
    const last = (): Told | undefined => told.at(-1)
    await owner.post(`/sessions/${id}/preset`, { preset: 'sd' })
    await vi.waitFor(() => expect(last()).toMatchObject({ event: 'frame', data: { value: 'live' } }))
    await vi.waitFor(() =>
      expect(frames.at(-1)).toMatchObject({ type: '@xstate.snapshot', snapshot: { value: 'live' } }),
    )
    await owner.kill()
    await vi.waitFor(() => expect(told).toContainEqual({ event: 'lost', data: { frames: null } }), { timeout: 20_000 })
    await bridge.deliver(`/sessions/${id}/end`, {})
    await vi.waitFor(() => expect(last()).toMatchObject({ event: 'frame', data: { value: 'ended' } }))
  })
})
