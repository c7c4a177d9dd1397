import { once } from 'node:events'
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createActor, type InspectionEvent, type Snapshot } from 'xstate'
import { streamerSession } from '../../machines/index.ts'
import { eventStream } from '../support/event-stream.ts'
import { type Body, type Server, startServer } from '../support/server.ts'

const VIEWERS = 10_000
const WITHIN_A_SECOND = { timeout: 1_000, interval: 20 }

let server: Server
const at = async (path: string): Promise<Body> => (await server.get(path, { after: true })).body
const begin = async (userId: string): Promise<string> =>
  (await server.post('/sessions', { userId, title: 'Hi' })).body.id
const streamOf = async (path: string) => eventStream(`${await server.url}${path}`)

beforeAll(async () => {
  server = await startServer({ ROLLCALL_FLUSH_MS: '50' })
})

describe('a streamer that is looked at', () => {
  test('is seen in preview, live and ended within a second each, with what followed', async () => {
    const { told, status, headers } = await streamOf('/inspect/actors/streamer-session/sam/live')
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    const seen = () => told.map(({ event, data }) => [event, data.edge, data.value])
    const id = await begin('sam')
    await vi.waitFor(
      () => expect(seen()).toContainEqual(['frame', 'offline|session.start|0', 'preview']),
      WITHIN_A_SECOND,
    )
    expect(told[0]!.data.effects).toContain(`streamer-session/sam:${told[0]!.data.seq}:0`)
    await server.post(`/sessions/${id}/preset`, { preset: 'sd' })
    await vi.waitFor(
      () => expect(seen().at(-1)).toEqual(['frame', 'preview|session.preset|0', 'live']),
      WITHIN_A_SECOND,
    )
    await server.post(`/sessions/${id}/end`, {})
    await vi.waitFor(() => expect(seen().at(-1)?.[2]).toBe('ended'), WITHIN_A_SECOND)
    const view = await at('/inspect/actors/streamer-session/sam')
    expect(view).toMatchObject({ kind: 'streamer-session', key: 'sam', value: 'ended', edge: told.at(-1)!.data.edge })
    expect(view).toMatchObject({ isAwake: true, epoch: 1, seq: told.at(-1)!.data.seq, owner: expect.any(String) })
    expect(view.snapshot).toEqual(told.at(-1)!.data.snapshot)
    await vi.waitFor(async () => {
      const { effects } = await at('/inspect/actors/streamer-session/sam')
      expect(effects.map(({ kind }: Body) => kind)).toContain('session.started')
      expect(effects.every(({ state }: Body) => ['done', 'recorded'].includes(state))).toBe(true)
    })
  })

  test("comes whole out of Stately's own receiver", async () => {
    const id = await begin('kim')
    const frames: StatelyInspectionEvent[] = []
    const url = `${(await server.url).replace('http', 'ws')}/inspect/stately?actor=streamer-session/kim`
    createWebSocketReceiver({ server: url }).subscribe(frame => frames.push(frame))
    await vi.waitFor(() => expect(frames).toHaveLength(1))
    const [born] = frames as [StatelyInspectionEvent & { type: '@xstate.actor' }]
    expect(born).toMatchObject({ type: '@xstate.actor', name: 'streamer-session', snapshot: { value: 'preview' } })
    expect(born.sessionId).toMatch(/^shard-[01]\/streamer-session\/kim$/)
    expect(JSON.parse(born.definition!)).toEqual(streamerSession.config)
    await server.post(`/sessions/${id}/preset`, { preset: 'sd' })
    await vi.waitFor(() => expect(frames).toHaveLength(3))
    const [, event, snapshot] = frames
    expect(event).toMatchObject({ type: '@xstate.event', sessionId: born.sessionId, event: { type: 'session.preset' } })
    expect(snapshot).toMatchObject({ type: '@xstate.snapshot', event: (event as Body).event })
    expect(snapshot).toMatchObject({ snapshot: { value: 'live', status: 'active', context: { session: { id } } } })
    for (const frame of frames)
      expect(frame).toMatchObject({ _version: '0.7.2', createdAt: expect.stringMatching(/^\d+$/) })
  })

  test("goes on in XState's own createActor from what /actors answers", async () => {
    const id = await begin('lee')
    const { snapshot } = await at('/actors/streamer-session/lee')
    const seen: InspectionEvent[] = []
    const inspect = (event: InspectionEvent) => void seen.push(event)
    const actor = createActor(streamerSession, { snapshot: snapshot as Snapshot<unknown>, inspect }).start()
    expect(actor.getSnapshot()).toMatchObject({ value: 'preview', context: { session: { id } } })
    actor.send({ type: 'session.end', id: 'e', at: Date.now(), sessionId: id })
    expect(actor.getSnapshot().value).toBe('ended')
    const shown = seen.filter(({ type }) => type === '@xstate.snapshot').at(-1) as Body
    expect(shown.snapshot.value).toBe('ended')
    expect((await at('/actors/streamer-session/lee')).snapshot.value).toBe('preview')
  })
})

describe(`a population of ${VIEWERS} viewers`, () => {
  beforeAll(async () => {
    await server.get('/inspect/population/viewer')
    for (let n = 0; n < VIEWERS; n += 1_000) {
      const beats = Array.from({ length: 1_000 }, (_, i) => ({ userId: `u${n + i}`, path: n < 4_000 ? '/a' : '/b' }))
      await server.post('/heartbeats', beats)
    }
  })

  test('adds up, and so do the edges that were taken', async () => {
    const { states, edges, since, kind } = await at('/inspect/population/viewer')
    expect([kind, states]).toEqual(['viewer', { watching: VIEWERS }])
    expect(edges).toEqual({ 'unseen|heartbeat|0': VIEWERS })
    expect(since).toBeLessThanOrEqual(Date.now())
    await server.post('/heartbeats', [{ userId: 'u1', path: '/a' }])
    expect((await at('/inspect/population/viewer')).edges).toMatchObject({ 'watching|heartbeat|1': 1 })
  })

  test('is listed by state and by how keys begin, page by page', async () => {
    const keys: string[] = []
    for (let next: string | undefined = ''; next !== undefined; ) {
      const after: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`
      const page = await at(`/inspect/actors?kind=viewer&state=watching&limit=1000${after}`)
      keys.push(...page.actors.map(({ key }: Body) => key))
      next = page.next
    }
    expect([keys.length, new Set(keys).size]).toEqual([VIEWERS, VIEWERS])
    expect(keys).toEqual(keys.toSorted())
    const found = await at('/inspect/actors?q=u999')
    expect(found.actors.map(({ key }: Body) => key)).toEqual([
      'u999',
      ...Array.from({ length: 10 }, (_, n) => `u999${n}`),
    ])
    expect(found).not.toHaveProperty('next')
    expect(await at('/inspect/actors?limit=1')).toEqual({ actors: [expect.any(Object)], isWhole: false })
    expect((await at('/inspect/actors?kind=viewer&state=away')).actors).toEqual([])
  })

  test('is the same after kill -9, and shows those who are passive without waking them', async () => {
    await server.post('/events', { sessionId: 'v', ts: Date.now(), page: '/' })
    await at('/inspect/actors/visitor/v')
    await server.restart()
    expect((await at('/inspect/population/viewer')).states).toEqual({ watching: VIEWERS })
    for (let look = 0; look < 2; look++) {
      const view = await at('/inspect/actors/streamer-session/sam')
      expect(view).toMatchObject({ isAwake: false, value: 'ended', edge: null, epoch: 2 })
    }
    const { actors } = await at('/inspect/actors?kind=streamer-session')
    expect(actors.map(({ key }: Body) => key)).toEqual(['kim', 'lee', 'sam'])
    expect(await at('/inspect/actors/streamer-session/nobody')).toMatchObject({ code: 'RC_NOT_FOUND' })
  })
})

test('streams end when the server does', async () => {
  const { ended } = await streamOf('/inspect/actors/viewer/u1/live')
  const socket = new WebSocket(`${(await server.url).replace('http', 'ws')}/inspect/stately?actor=viewer/u1`)
  await once(socket, 'message')
  const closed = once(socket, 'close')
  await server.stop()
  await ended
  expect((await closed)[0]).toBe(1_001)
})
