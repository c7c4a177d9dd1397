import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { openDocuments } from '../src/documents/embedded.ts'
import type { Collection, Document } from '../src/documents/index.ts'
import { feedOf } from '../src/feeds/groups.ts'
import { feed } from '../src/feeds/pipeline.ts'
import { expectedFeed, type Platform, type Session } from '../test/support/feed-oracle.ts'
import { Random } from '../test/support/random.ts'
import { median, say, thousands } from './measure.ts'

/** One feed from the stored documents by its pipeline, against a plain computation over the same documents, joined alike. */
const ACTIVE = Number(process.env.BENCH_STREAMERS ?? 500)
const ENDED = ACTIVE * 4
const USERS = ACTIVE * 10
const EARNINGS = USERS * 4
const ROUNDS = 15

const random = new Random(1)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const idOf = (i: number): string => i.toString(16).padStart(24, '0')
const group = feedOf([{ name: 'global', countries: [] }], 'global', ['hidden:all'])!
const options = { ...group, trending: upTo(50).map(i => `user-${i * 7}`), limit: 1_000 }

const sessionOf = (i: number): Document => ({
  ...{ _id: idOf(i), userId: `user-${i % USERS}`, active: i < ACTIVE, title: `Stream ${i}`, status: { preset: 'sd' } },
  tags: ['country:tw', 'badge:new'],
  pricing: { preset: 'sd', price: 5 },
  statuses: { created: '2026-01-01T00:00:00.000Z', started: new Date(random.int(0, 1e6) * 1_000).toISOString() },
  rating: { current: random.int(4, 20) / 4, currentCount: random.int(0, 200), previous: 4, previousCount: 10 },
  showGoalPairs: random.chance(0.5) ? [{ title: 'sing', price: 9 }] : [],
  exclusiveGoalPairs: [{ title: 'dance', price: 90 }],
  metadata: { name: 'badge:livestream_gold', viewerCount: random.int(0, 500) },
})
const userOf = (i: number): Document => ({
  ...{ _id: `user-${i}`, username: `Streamer ${i}`, country: 'TW', groups: ['free'] },
  profile: { biography: 'x'.repeat(200) },
  tags: [
    ...['country:tw', 'hashtag:music', 'badge:livestream_gold', ...(random.chance(0.05) ? ['hidden:all'] : [])],
    ...(random.chance(0.1) ? [`feed:${options.aliases[0]}:${random.int(1, 50)}`] : []),
  ],
})
const earningOf = (i: number): Document => ({ _id: `earning-${i}`, userId: `user-${i % USERS}`, amount: i % 100 })

const path = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
const store = openDocuments({ path })
const write = (collection: Collection, documents: Document[]): Promise<void> =>
  store.upsertMany(
    collection,
    documents.map(({ _id, ...set }) => ({ id: _id, seq: 1, set })),
  )
await write('sessions', upTo(ACTIVE + ENDED).map(sessionOf))
await write('users', upTo(USERS).map(userOf))
await write('earnings', upTo(EARNINGS).map(earningOf))

const pipeline = (): Promise<object[]> => store.aggregate('sessions', feed(options))
const plain = async (): Promise<object[]> => {
  const joined = await store.aggregate('sessions', [
    { $match: { active: true } },
    { $lookup: { from: 'users', localField: 'userId', foreignField: '_id', as: 'users' } },
    { $lookup: { from: 'earnings', localField: 'userId', foreignField: 'userId', as: 'earnings' } },
  ])
  const sessions = joined as unknown as (Session & Omit<Platform, 'sessions'>)[]
  const [users, earnings] = [sessions.flatMap(({ users }) => users), sessions.flatMap(({ earnings }) => earnings)]
  return expectedFeed({ sessions, users, earnings }, options)
}
const timed = async (work: () => Promise<object[]>): Promise<number> => {
  const started = performance.now()
  await work()
  return performance.now() - started
}

const items = await pipeline()
if (!isDeepStrictEqual(items, await plain())) throw new Error('the two feeds differ')
const times: { plain: number; pipeline: number }[] = []
for (let round = 0; round < ROUNDS; round++) times.push({ plain: await timed(plain), pipeline: await timed(pipeline) })
const of = (name: 'plain' | 'pipeline'): string => median(times.map(time => time[name])).toFixed(1)
say({
  claim: "a feed's generation, time",
  against: 'plain TypeScript',
  ratio: median(times.map(({ plain, pipeline }) => plain / pipeline)),
  method: `${thousands(items.length)} of ${thousands(ACTIVE)} streamers, ${thousands(USERS)} users, ${ROUNDS} rounds: ${of('plain')} / ${of('pipeline')} ms`,
})
await store.close()
rmSync(path, { recursive: true })
