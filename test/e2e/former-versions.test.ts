import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { lastOf, type Request } from '../fixtures/workload.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Body, type Env, type Server, startServer, temporaryDirectory } from '../support/server.ts'

const FIXTURES = new URL('../fixtures/', import.meta.url).pathname

/** Answers as the version gave them that left the rest behind. */
interface Left {
  madeAt: number
  answers: { attendance: number; [path: string]: unknown }
}

interface Manifest {
  commit: string
  embedded: Left
  streams?: Left
}

const manifests = globSync('*/manifest.json', { cwd: FIXTURES })
  .sort()
  .map(file => [join(FIXTURES, dirname(file)), JSON.parse(readFileSync(join(FIXTURES, file), 'utf8'))] as const)

function unpacked(archive: string): string {
  const folder = temporaryDirectory()
  execFileSync('tar', ['-C', folder, '-xzf', archive])
  return folder
}

/** A server of today over what a former one left behind shows it, goes on from it, and shows it again. */
function goesOn({ madeAt, answers: { attendance, ...rest } }: Left, start: () => Promise<Server>): void {
  let answers: Record<string, unknown> = rest
  let server: Server
  beforeAll(async () => {
    server = await start()
  })

  const send = async ({ method, path, body }: Request): Promise<void> => {
    const reply = await server.request(method, path, JSON.stringify(body), { 'content-type': 'application/json' })
    expect(reply, JSON.stringify(reply.body)).toMatchObject({ status: 202 })
  }
  const shows = async (newcomers: number): Promise<void> => {
    for (const [path, body] of Object.entries(answers)) {
      const reply = await server.get(path, { after: true })
      expect({ path, ...reply }).toMatchObject({ path, status: 200, body })
    }
    expect((await server.get('/viewers')).body.attendance).toBe(attendance + newcomers)
    // Beats of paths that are no stream's had no stream at all once.
    expect((await server.get('/sessions/undefined/viewers')).body).toEqual({ alive: 0, attendance: 0 })
    expect((await server.get('/parked')).body).toEqual({ parked: [] })
  }

  // Nothing was sent yet whose position could be waited for.
  test('shows what was there', () => vi.waitFor(() => shows(0), { timeout: 20_000, interval: 100 }))

  test('lists web sessions from before by their days and users, and their events with them', async () => {
    const former = Object.entries(answers).flatMap(([path, body]): Body[] =>
      path.startsWith('/web-sessions?visitor=') ? (body as Body).webSessions : [],
    )
    expect(former.length).toBeGreaterThan(0)
    for (const { eventIds, ...session } of former) {
      const { id, day, userId } = session
      const lists = [`day=${day}`, ...(userId === null ? [] : [`userId=${userId}`])]
      for (const list of lists) {
        const { webSessions } = (await server.get(`/web-sessions?${list}&limit=1000`, { after: true })).body
        expect(webSessions).toContainEqual({ ...session, eventIds })
      }
      const { events } = (await server.get(`/web-sessions/${encodeURIComponent(id)}/events`)).body
      expect(events.map((event: Body) => [event.id, event.webSessionId])).toEqual(
        eventIds.slice(0, 1_000).map((event: string) => [event, id]),
      )
    }
  })

  test('counts nothing twice that is sent once more', async () => {
    for (const request of lastOf(madeAt)) await send(request)
    await shows(0)
  })

  test('takes what is new, and shows it and all from before after a restart', async () => {
    const now = Date.now()
    const page = '/live/stream-new'
    await send({ method: 'POST', path: '/heartbeats', body: [{ userId: 'newcomer', path: page, at: now }] })
    await send({ method: 'POST', path: '/events', body: [{ id: 'n', sessionId: 'newcomer', ts: now, page }] })
    const started = await server.post('/sessions', { userId: 'newcomer', title: 'A first show' })
    expect(started.status).toBe(201)
    const showsNews = async (): Promise<void> => {
      const [runs, visits, session] = await Promise.all([
        server.get('/users/newcomer/viewing-sessions', { after: true }),
        server.get('/web-sessions?visitor=newcomer', { after: true }),
        server.get(`/sessions/${started.body.id}`, { after: true }),
      ])
      expect([runs.body.viewingSessions, visits.body.webSessions, session.body]).toMatchObject([
        [{ id: `newcomer-${now}` }],
        [{ visitorId: 'newcomer', eventCount: 1 }],
        { userId: 'newcomer', active: true },
      ])
    }
    await showsNews()
    await server.restart()
    await showsNews()
    const { '/sessions': _, ...others } = answers
    answers = others
    await shows(1)
  })
}

test('there is a fixture of each version that kept things in another way', () => {
  expect(manifests.map(([folder, { commit }]) => commit.startsWith(basename(folder)))).toEqual([true, true, true, true])
})

for (const [folder, manifest] of manifests as (readonly [string, Manifest])[]) {
  // The beats of a fixture are as old as it is.
  const env: Env = { ROLLCALL_PARTITIONS: '4', ROLLCALL_HISTORY_MS: String(3_650 * 86_400_000) }

  describe(`a data directory as ${basename(folder)} left it`, () => {
    goesOn(manifest.embedded, () => startServer(env, unpacked(join(folder, 'data.tar.gz'))))
  })

  const { streams } = manifest
  if (!streams) continue
  describe.skipIf(!natsServerBinary())(`streams as ${basename(folder)} left them`, () => {
    let nats: NatsServer
    afterAll(() => nats.stop())
    goesOn(streams, async () => {
      const left = unpacked(join(folder, 'streams.tar.gz'))
      nats = await startNatsServer({ holds: join(left, 'streams') })
      return startServer({ ...env, ROLLCALL_NATS_URL: nats.url }, join(left, 'state'))
    })
  })
}
