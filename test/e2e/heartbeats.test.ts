import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { openDocuments } from '../../src/documents/embedded.ts'
import { openMongoDocuments } from '../../src/documents/mongo.ts'
import { connectMongo } from '../../src/mongodb/index.ts'
import { type Heartbeat, statistics, viewers, viewingSessions } from '../support/heartbeat-oracle.ts'
import { type Random, seeded } from '../support/random.ts'
import { backends, inParallel, type Server, startServer } from '../support/server.ts'

const USERS = 600
const KILLS = 3
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

const STREAMS = Array.from({ length: 12 }, (_, i) => `64b0c0ffee00000000000${String(i).padStart(3, '0')}`)
const COUNTRIES = ['DE', 'de', 'TW', 'tw', 'FR', 'us', undefined]
const GROUPS = [undefined, [], ['free'], ['premium'], ['premium', 'beta'], ['beta', 'premium'], ['free', 'free']]

function path(random: Random): string {
  const stream = random.pick(STREAMS)
  return random.pick([
    '/',
    '/sessions',
    '/livestreams/1',
    `/sessions/${stream}`,
    `/sessions/${stream}/chat?x=1`,
    `/live/${stream}`,
  ])
}

/** The beats of one user, at most an hour from first to last; `last` is when the newest is sent. */
function beatsOf(userId: string, last: number, span: number, random: Random): Heartbeat[] {
  const country = random.pick(COUNTRIES)
  const groups = random.pick(GROUPS)
  const beats: Heartbeat[] = []
  const add = (at: number, on: string) => {
    if (beats.some(beat => beat.at === at && beat.path === on)) return
    const moved = random.chance(0.05) ? random.pick(COUNTRIES) : country
    const regrouped = random.chance(0.05) ? random.pick(GROUPS) : groups
    beats.push({ userId, path: on, at, ...(moved && { country: moved }), ...(regrouped && { groups: regrouped }) })
  }
  let on = path(random)
  for (let at = last; at >= last - span; ) {
    add(at, on)
    if (random.chance(0.05)) add(at, path(random))
    if (random.chance(0.15)) on = path(random)
    const gap = random.next()
    if (gap < 0.85) at -= random.int(20 * SECOND, 90 * SECOND)
    else if (gap < 0.9) at -= 5 * MINUTE
    else if (gap < 0.95) at -= 5 * MINUTE + 1
    else at -= random.int(5 * MINUTE, 15 * MINUTE)
  }
  if (random.chance(0.2)) add(last - span, on)
  return beats
}

let server: Server
let beats: Heartbeat[]
let started: number

beforeAll(async () => {
  const random = seeded('heartbeats')
  server = await startServer({ ROLLCALL_FLUSH_MS: '100', ROLLCALL_SHARDS: '2' })
  started = Date.now()
  beats = Array.from({ length: USERS }, (_, i) => {
    const alive = random.chance(0.4)
    const last = alive ? started - random.int(0, 5 * SECOND) : started - random.int(80 * SECOND, 15 * MINUTE)
    return beatsOf(`user-${i}`, last, random.chance(0.5) ? HOUR : random.int(0, HOUR), random)
  }).flat()
  const sent = random.shuffle([...beats, ...beats.filter(() => random.chance(0.25))])
  const requests = random.cut(sent, 400)
  const killAt = new Set(Array.from({ length: KILLS }, (_, i) => Math.ceil((requests.length * (i + 1)) / (KILLS + 1))))
  let accepted = 0
  let lives = 0
  let revived = Promise.resolve()
  await inParallel(6, requests, async request => {
    await server.deliver('/heartbeats', request)
    accepted++
    if (killAt.has(accepted)) revived = server.restart({ ROLLCALL_SHARDS: ++lives === 2 ? '3' : '2' })
  })
  await revived
})

/** Nobody's last beat is 60 to 75 s old for this long after the start, so the answer does not hang on the moment. */
function expectSteadyNow(): number {
  expect(Date.now() - started, 'the machine was too slow for this test').toBeLessThan(50 * SECOND)
  return Date.now()
}

it('counts who is alive and who attended, in all and on every stream', async () => {
  const { status, body } = await server.get('/viewers', { after: true })
  const { bySession, ...all } = viewers(beats, expectSteadyNow())
  const counts = Object.values(bySession)
  const sum = (of: (count: (typeof counts)[number]) => number): number => counts.reduce((s, count) => s + of(count), 0)
  const withoutSession = {
    ...{ alive: sum(({ alive }) => alive), attendance: sum(({ attendance }) => attendance) },
    streams: counts.length,
  }
  expect([status, body]).toEqual([200, { ...all, bySession: {}, withoutSession }])
})

it('counts alive and attendance of one stream', async () => {
  const answers: Record<string, unknown> = {}
  for (const stream of STREAMS)
    answers[stream] = (await server.get(`/sessions/${stream}/viewers`, { after: true })).body
  expect(answers).toEqual(viewers(beats, expectSteadyNow()).bySession)
})

it('has one record of statistics for every five minutes', async () => {
  const expected = statistics(beats)
  const from = expected[0]?.timestamp ?? 0
  const to = (expected.at(-1)?.timestamp ?? 0) + 5 * MINUTE
  const { status, body } = await server.get(`/statistics?from=${from}&to=${to}`, { after: true })
  expect([status, body]).toEqual([200, { records: expected }])
})

it('has every viewing session of every user', async () => {
  const answers = new Map<string, unknown>()
  const expected = viewingSessions(beats)
  await inParallel(8, expected.keys(), async userId => {
    answers.set(userId, (await server.get(`/users/${userId}/viewing-sessions`, { after: true })).body.viewingSessions)
  })
  for (const [userId, sessions] of expected) expect(answers.get(userId), userId).toEqual(sessions)
})

it('still has all of it after one more kill -9', async () => {
  await server.restart()
  const { body } = await server.get('/statistics?from=0&to=9999999999999', { after: true })
  expect(body.records).toEqual(statistics(beats))
})

it('has a document of every five minutes too, as it is answered', async () => {
  await server.stop()
  const { ROLLCALL_MONGODB_URL: url } = await backends.envOf(server.data)
  const mongo = url ? await connectMongo(url) : null
  const documents = mongo ? openMongoDocuments(mongo.db) : openDocuments({ path: join(server.data, 'state') })
  const found = await documents.find('statistics', {
    filter: { partition: { $exists: false } },
    sort: { timestamp: 1 },
  })
  await documents.close()
  await mongo?.close()
  const there = found.filter(({ viewerCount }) => viewerCount !== 0).map(({ _id, ...record }) => record)
  expect(there).toEqual(statistics(beats))
})
