import { beforeAll, describe, expect, test } from 'vitest'
import { type AnyStateMachine, createActor } from 'xstate'
import { feed, streamerSession, viewer, visitor } from '../../machines/index.ts'
import { type Body, type Server, startServer } from '../support/server.ts'

const MACHINES: Record<string, AnyStateMachine> = { viewer, visitor, 'streamer-session': streamerSession, feed }
const ODD = [
  'visitor',
  'streamer-session',
  'a/b',
  'a.b',
  '$a',
  '0',
  '~',
  '日本',
  '👩‍🚀',
  '\uffff',
  'x y',
  '%2F',
  'é'.repeat(128),
]
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

let server: Server

const listed = async (query: string): Promise<Body[]> => {
  const { status, body } = await server.get(`/actors?${query}`, { after: true })
  expect([status, body.next]).toEqual([200, undefined])
  return body.actors
}
const refused = async (query: string): Promise<unknown> => {
  const { status, body } = await server.get(`/actors?${query}`)
  return [status, body.code, body.faults?.map(({ path, code }: Body) => [path, code])]
}

beforeAll(async () => {
  server = await startServer({ ROLLCALL_FLUSH_MS: '50', ROLLCALL_INACTIVITY_MS: '1000' })
  const now = Date.now()
  const sources = { source: '$a.b', medium: 'x.$y' }
  const old = ODD.map(sessionId => ({ sessionId, ts: now - 86_400_000, page: '/$a.b', source: sources }))
  await server.post('/events', old)
  await server.post('/events', { sessionId: 'here', ts: now + 30_000, page: '/' })
  for (const userId of ['sam', 'kim', 'a/b']) {
    const { body } = await server.post('/sessions', { userId, title: '$set.a' })
    if (userId === 'sam') await server.post(`/sessions/${body.id}/preset`, { preset: 'sd' })
  }
  await server.post('/heartbeats', { userId: 'ann', path: '/live/s1', groups: ['$g.h'] })
})

describe('actors', () => {
  test('are listed by their kinds and keys, in the order of bytes', async () => {
    const visitors = await listed('kind=visitor')
    expect(visitors.map(({ key }) => key)).toEqual([...ODD, 'here'].sort(byBytes))
    expect(Object.keys(visitors[0]!).sort()).toEqual(['key', 'kind', 'partition', 'seq', 'value'])
    const streamers = await listed('kind=streamer-session')
    expect(streamers.map(({ key, value }) => [key, value])).toEqual([
      ['a/b', 'preview'],
      ['kim', 'preview'],
      ['sam', 'live'],
    ])
    expect(await listed('')).toEqual([...streamers, ...visitors])
  })

  test('are listed by their state', async () => {
    expect((await listed('kind=streamer-session&state=live')).map(({ key }) => key)).toEqual(['sam'])
    expect((await listed('state=preview')).map(({ key }) => key)).toEqual(['a/b', 'kim'])
    expect(await listed('kind=streamer-session&state=ended')).toEqual([])
    for (const query of ['state=nonsense', 'kind=visitor&state=active/h', 'kind=visitor&state=live'])
      expect(await refused(query)).toMatchObject([400, 'RC_INVALID_INPUT', [['state', expect.any(String)]]])
    expect((await listed('kind=visitor&state=active')).map(({ key }) => key)).toContain('here')
  })

  test.each(['', 'kind=visitor', 'state=preview'])('come in pages that hold each once: %s', async query => {
    const all = await listed(query)
    for (const limit of [1, 2, 3]) {
      const found: Body[] = []
      for (let after: string | undefined, n = 0; n <= all.length; n++) {
        const at = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
        const { body } = await server.get(`/actors?${query}&limit=${limit}${at}`)
        expect(body.actors.length).toBeLessThanOrEqual(limit)
        found.push(...body.actors)
        after = body.next
        if (after === undefined) break
      }
      expect(found).toEqual(all)
    }
  })

  test('are not listed of kinds that are not kept', async () => {
    const notKept = [400, 'RC_INVALID_INPUT', [['kind', 'not_kept']]]
    for (const kind of ['viewer', 'feed', 'nonsense', '', 'visitor/', '__proto__']) {
      expect([kind, await refused(`kind=${encodeURIComponent(kind)}`)]).toEqual([kind, notKept])
    }
  })

  test('are not listed behind what is no place among them, nor too many at once', async () => {
    const noPlace = [400, 'RC_INVALID_INPUT', [['after', 'invalid_place']]]
    for (const query of ['after=x', 'after=visitor', 'after=viewer/ann', 'kind=visitor&after=streamer-session/sam']) {
      expect(await refused(query)).toEqual(noPlace)
    }
    for (const limit of ['0', '1001', 'x']) expect((await refused(`limit=${limit}`)) as Body).toHaveProperty('0', 400)
  })

  test('are, each by itself, what XState goes on with', async () => {
    const keys = [...(await listed('')), { kind: 'viewer', key: 'ann' }, { kind: 'feed', key: 'global' }]
    for (const { kind, key } of keys) {
      const { status, body } = await server.get(`/actors/${kind}/${encodeURIComponent(key)}`, { after: true })
      expect([status, body.kind, body.key]).toEqual([200, kind, key])
      const actor = createActor(MACHINES[kind]!, { snapshot: body.snapshot }).start()
      const { value, context, status: running } = actor.getSnapshot()
      expect(JSON.parse(JSON.stringify({ value, context, status: running }))).toEqual({
        ...{ value: body.snapshot.value, context: body.snapshot.context, status: 'active' },
      })
    }
  })

  test('that are new stand in the list as soon as their position is readable', async () => {
    const { headers } = await server.post('/events', { sessionId: 'new', ts: Date.now(), page: '/' })
    const seq = Number(headers.get('rollcall-position')!.split('-')[1])
    const found = (await listed('kind=visitor')).find(({ key }) => key === 'new')
    expect(found).toMatchObject({ value: 'active', seq })
  })

  test('are there as before after a kill', async () => {
    const before = await listed('kind=streamer-session')
    await server.restart()
    expect(await listed('kind=streamer-session')).toEqual(before)
  })

  test('of viewers are kept, and no others, where that is asked for', async () => {
    const own = await startServer({ ROLLCALL_FLUSH_MS: '50', ROLLCALL_SNAPSHOTS: 'viewer' })
    await own.post('/events', { sessionId: 'v', ts: Date.now(), page: '/' })
    await own.post('/heartbeats', { userId: 'ann', path: '/live/s1' })
    const { body } = await own.get('/actors', { after: true })
    expect(body.actors).toMatchObject([{ kind: 'viewer', key: 'ann', value: 'watching' }])
    expect((await own.get('/actors?kind=visitor')).status).toBe(400)
    await own.stop()
  })
})
