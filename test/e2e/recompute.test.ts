import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import { localDay } from '../../machines/local-day.ts'
import { openStores } from '../../src/stores.ts'
import { type Random, seeded } from '../support/random.ts'
import {
  type Body,
  backends,
  type Env,
  ended,
  type Ran,
  rollcall,
  Server,
  startServer,
  temporaryDirectory,
} from '../support/server.ts'
import { type WebEvent, webSessions } from '../support/web-session-oracle.ts'

const SETTINGS: Env = { ROLLCALL_PARTITIONS: '4', ROLLCALL_SHARDS: '2', ROLLCALL_FLUSH_MS: '50' }
const [MINUTE, DAY] = [60_000, 86_400_000]
const INACTIVITY = 30 * MINUTE
/** Clocks went ahead on the day after that in Paris, at 01:00 UTC. */
const START = Date.UTC(2026, 2, 28)

const run = async (command: string, server: Server, env: Env, ...flags: string[]) =>
  rollcall([command, ...flags], {
    ...SETTINGS,
    ROLLCALL_DATA: server.data,
    ...(await backends.envOf(server.data)),
    ...env,
  })
const ran = async (...args: Parameters<typeof run>): Promise<Ran> => ended(await run(...args))
const linesOf = ({ stdout }: Ran): Body[] =>
  stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

/** Recomputes to the end; the last line it wrote. */
async function recomputed(server: Server, env: Env, ...flags: string[]): Promise<Body> {
  const done = await ran('recompute', server, env, ...flags)
  const told = done.stderr.split('\n').filter(line => !line.startsWith('{"work":"replay"'))
  expect([done.code, told.join('\n')]).toEqual([0, ''])
  return linesOf(done).at(-1)
}

function eventsOf(random: Random, visitors: number, each: number): WebEvent[] {
  return Array.from({ length: visitors * each }, (_, i) => ({
    ...{ id: `e${i}`, sessionId: `v${i % visitors}`, ts: START + 5 * MINUTE * random.int(0, (3 * DAY) / (5 * MINUTE)) },
    page: `/p${random.int(0, 3)}`,
    ...(random.chance(0.1) && { source: { source: random.pick(['google', 'direct']) } }),
  }))
}

async function send(server: Server, events: WebEvent[]): Promise<void> {
  for (let i = 0; i < events.length; i += 500) {
    expect((await server.post('/events', events.slice(i, i + 500))).status).toBe(202)
  }
}

/** Has taken the events, shows them, and is down. */
async function stopped(events: WebEvent[]): Promise<Server> {
  const server = await startServer(SETTINGS)
  await send(server, events)
  await server.get('/web-sessions?visitor=v0', { after: true })
  await server.stop()
  return server
}

const byId = (a: Body, b: Body): number => (a.id < b.id ? -1 : 1)

/** All that a running server shows of the visitors, once it shows what `told` was told. */
async function shown(server: Server, events: WebEvent[], told = server): Promise<Body[]> {
  const visitors = [...new Set(events.map(({ sessionId }) => sessionId))]
  const headers: Env = told.positions === '' ? {} : { 'rollcall-after': told.positions }
  const lists = visitors.map(visitor => server.get(`/web-sessions?visitor=${visitor}`, { headers }))
  return (await Promise.all(lists)).flatMap(({ body }) => body.webSessions).sort(byId)
}

const expected = (events: WebEvent[], { zone = 'UTC', inactivityMs = INACTIVITY } = {}) =>
  webSessions(events, inactivityMs, ts => localDay(ts, zone)).sort(byId)

/** Works on the documents of a server that is down. */
async function onDocuments<T>(
  { data }: Server,
  work: (documents: Awaited<ReturnType<typeof openStores>>['documents']) => Promise<T>,
): Promise<T> {
  const { ROLLCALL_MONGODB_URL: mongodbUrl = null } = await backends.envOf(data)
  const places = { logPath: `${data}/log`, statePath: `${data}/state`, partitions: 4, natsUrl: null, redisUrl: null }
  const { documents, close } = await openStores({ ...places, mongodbUrl })
  try {
    return await work(documents)
  } finally {
    await close()
  }
}

describe('rollcall recompute', () => {
  test('brings a changed inactivity to the kept events, and a server goes on with it', async () => {
    const events = eventsOf(seeded('inactivity'), 20, 30)
    const server = await stopped(events)
    const changed = { ROLLCALL_INACTIVITY_MS: String(10 * MINUTE) }
    const refused = await ran('serve', server, { ...changed, ROLLCALL_PORT: '0' })
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/RC_CONFIG_CHANGED.*rollcall recompute/)])
    const last = await recomputed(server, changed, '--from', '2026-01-01')
    const days = new Set(events.map(({ sessionId, ts }) => `${sessionId} ${localDay(ts, 'UTC')}`)).size
    expect(last).toEqual({
      ...{ visitors: 20, days, found: days, isDone: true },
      changed: 'ROLLCALL_INACTIVITY_MS was 1800000, is 600000',
    })
    const former = await ran('serve', server, { ROLLCALL_PORT: '0' })
    expect([former.code, former.stderr]).toEqual([1, expect.stringContaining('was 600000, is 1800000')])
    await server.restart(changed)
    expect(await shown(server, events)).toEqual(expected(events, { inactivityMs: 10 * MINUTE }))
    const late = eventsOf(seeded('late'), 20, 5).map(event => ({ ...event, id: `late-${event.id}` }))
    await send(server, [...late, ...events])
    expect(await shown(server, events)).toEqual(expected([...events, ...late], { inactivityMs: 10 * MINUTE }))
  })

  test('brings a changed zone to the kept events, also to a day on which clocks change', async () => {
    const events = eventsOf(seeded('zone'), 20, 30)
    const server = await stopped(events)
    const changed = { ROLLCALL_ZONE: 'Europe/Paris' }
    const last = await recomputed(server, changed, '--from', '2026-03-01')
    expect(last).toMatchObject({ isDone: true, changed: 'ROLLCALL_ZONE was UTC, is Europe/Paris' })
    await server.restart(changed)
    expect(await shown(server, events)).toEqual(expected(events, { zone: 'Europe/Paris' }))
    await send(server, events)
    expect(await shown(server, events)).toEqual(expected(events, { zone: 'Europe/Paris' }))
  })

  test('takes along what was accepted and is in no checkpoint yet', async () => {
    const events = eventsOf(seeded('not committed'), 10, 20)
    const server = await startServer({ ...SETTINGS, ROLLCALL_FLUSH_MS: '60000' })
    await send(server, events)
    await server.kill()
    const changed = { ROLLCALL_INACTIVITY_MS: String(10 * MINUTE) }
    expect(await recomputed(server, changed, '--from', '2026-01-01')).toMatchObject({ visitors: 10, isDone: true })
    await server.restart(changed)
    expect(await shown(server, events)).toEqual(expected(events, { inactivityMs: 10 * MINUTE }))
  })

  test('leaves the days before its time as they are', async () => {
    const events = eventsOf(seeded('from'), 10, 30)
    const server = await stopped(events)
    const changed = { ROLLCALL_INACTIVITY_MS: String(10 * MINUTE) }
    await recomputed(server, changed, '--from', '2026-03-30')
    await server.restart(changed)
    const [before, later] = [expected(events), expected(events, { inactivityMs: 10 * MINUTE })]
    const both = [...before.filter(({ day }) => day < '2026-03-30'), ...later.filter(({ day }) => day >= '2026-03-30')]
    expect(await shown(server, events)).toEqual(both.sort(byId))
  })

  test('brings changed settings to the visitors it is given, and to the events to come of all', async () => {
    const events = eventsOf(seeded('visitors'), 4, 30)
    const server = await stopped(events)
    const changed = { ROLLCALL_INACTIVITY_MS: String(10 * MINUTE) }
    await recomputed(server, changed, '--from', '2026-01-01', '--visitor', 'v1', '--visitor=v3')
    await server.restart(changed)
    const of = (visitors: string[]) => events.filter(({ sessionId }) => visitors.includes(sessionId))
    const both = [...expected(of(['v0', 'v2'])), ...expected(of(['v1', 'v3']), { inactivityMs: 10 * MINUTE })]
    expect(await shown(server, events)).toEqual(both.sort(byId))
  })

  test('as rewind changes nothing where nothing was wrong', async () => {
    const events = eventsOf(seeded('rewind'), 20, 30)
    const server = await stopped(events)
    const all = () =>
      onDocuments(server, documents =>
        Promise.all((['web-sessions', 'web-events'] as const).map(each => documents.find(each, { sort: { _id: 1 } }))),
      )
    const before = await all()
    const done = await ran('rewind', server, {}, '--from', '2026-01-01')
    expect([done.code, linesOf(done).at(-1)]).toMatchObject([0, { visitors: 20, isDone: true, changed: null }])
    expect(await all()).toEqual(before)
    await server.start()
    expect(await shown(server, events)).toEqual(expected(events))
  })

  test('repairs documents that were deleted, edited or invented', async () => {
    const events = eventsOf(seeded('repairs'), 10, 30)
    const server = await stopped(events)
    const sessions = expected(events)
    const all = () =>
      onDocuments(server, documents =>
        Promise.all((['web-sessions', 'web-events'] as const).map(each => documents.find(each, { sort: { _id: 1 } }))),
      )
    const before = await all()
    await onDocuments(server, async documents => {
      await documents.removeWhere('web-sessions', { _id: { $in: sessions.slice(0, 20).map(({ id }) => id) } })
      await documents.removeWhere('web-events', { visitorId: 'v3' })
      const own = { visitorId: 'v4', day: '2026-03-29' }
      await documents.patchMany('web-sessions', 'nothing', [
        { id: sessions[30]!.id, set: { eventCount: 77, day: '1999-01-01', nothing: 1 } },
      ])
      await documents.upsertMany('web-sessions', [
        { id: 'v4-2026-03-29#99', seq: 1, set: { ...own, index: 99, eventCount: 1 } },
        { id: 'mine', seq: 1, set: { ...own, index: 1 } },
      ])
      await documents.upsertMany('web-events', [
        { id: 'v4-2026-03-29/7', seq: 1, set: { ...own, index: 7, events: [] } },
      ])
    })
    await recomputed(server, {}, '--from', '2026-01-01')
    const after = await all()
    delete (after[0]!.find(({ _id }) => _id === sessions[30]!.id) as Body).nothing
    expect(after).toEqual(before)
  })

  test('killed at any moment, is refused to a server, and ends as it would have when it is run again', {
    timeout: 180_000,
  }, async () => {
    const random = seeded('killed')
    const events = eventsOf(random, 2_000, 6)
    const server = await stopped(events)
    const changed = { ROLLCALL_ZONE: 'Asia/Taipei', ROLLCALL_INACTIVITY_MS: String(20 * MINUTE) }
    const kills: Body[] = []
    for (let i = 0; i < 2; i++) {
      const child = await run('recompute', server, changed, '--from', '2026-01-01')
      for await (const line of createInterface({ input: child.stdout! })) {
        if (JSON.parse(line).days === 0) continue
        kills.push(JSON.parse(line))
        await new Promise(resolve => setTimeout(resolve, random.int(0, 200)))
        child.kill('SIGKILL')
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
    for (const env of [changed, {}]) {
      const refused = await ran('serve', server, { ...env, ROLLCALL_PORT: '0' })
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringMatching(/run `rollcall recompute --from 2025-12-31T16:00:00.000Z` again with ROLLCALL_ZONE=Asia/),
      ])
    }
    expect(kills.filter(({ isDone }) => !isDone)).toHaveLength(2)
    for (const flags of [
      ['--from', '2026-02-01'],
      ['--from', '2026-01-01', '--visitor=v1'],
    ]) {
      const other = await ran('recompute', server, changed, ...flags)
      expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('was begun and has to end first')])
    }
    await recomputed(server, changed, '--from', '2026-01-01')
    await server.restart(changed)
    const some = events.filter((_, i) => i % 2_000 < 100)
    expect(await shown(server, some)).toEqual(expected(some, { zone: 'Asia/Taipei', inactivityMs: 20 * MINUTE }))
  })

  test('is brought back from the log alone, rules before and behind it', async () => {
    const events = eventsOf(seeded('from the log'), 10, 30)
    const server = await stopped(events)
    const changed = { ROLLCALL_ZONE: 'America/New_York', ROLLCALL_INACTIVITY_MS: String(50 * MINUTE) }
    await recomputed(server, changed, '--from', '2026-03-30')
    await server.restart(changed)
    const late = eventsOf(seeded('later'), 10, 5).map(event => ({ ...event, id: `late-${event.id}` }))
    await send(server, late)
    const before = await shown(server, events)
    await server.stop()
    const copy = new Server({ ...SETTINGS, ...changed }, temporaryDirectory())
    await backends.copyLog(server.data, copy.data)
    await copy.start()
    expect(await shown(copy, events, server)).toEqual(before)
  })

  test('is refused while a server runs', async () => {
    const server = await startServer(SETTINGS)
    const { code, stdout, stderr } = await ran('recompute', server, {}, '--from', '2026-01-01')
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(/RC_DATA_DIR_LOCKED|RC_NO_OWNER/)])
    expect((await server.get('/readyz')).status).toBe(200)
  })

  test('is refused with other settings than it can change', async () => {
    const server = await stopped(eventsOf(seeded('others'), 1, 1))
    const { code, stderr } = await ran('recompute', server, { ROLLCALL_LATE_MS: '1' }, '--from', '2026-01-01')
    expect([code, stderr]).toEqual([1, expect.stringContaining('ROLLCALL_LATE_MS was 3600000, is 1')])
  })

  test.each([
    [[], 'from'],
    [['--from', 'yesterday'], '--from takes'],
    [['--from', '2026-01-01T10:00'], '--from takes'],
    [['--from', '2026-01-01', '--visitor'], '--visitor'],
    [['--from', '2026-01-01', 'v1'], 'more than this command takes'],
    [['--from', '2026-01-01', '--visitors', 'v1'], 'there is no --visitors'],
  ])('says what is wrong with %j', async (flags, text) => {
    const { code, stderr } = await ended(rollcall(['recompute', ...flags], { ROLLCALL_DATA: temporaryDirectory() }))
    expect([code, stderr]).toEqual([2, expect.stringContaining(text)])
  })
})
