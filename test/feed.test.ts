import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Aggregator } from 'mingo'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { aliasesOf } from '../machines/feed.ts'
import { openDocuments } from '../src/documents/embedded.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import { openMongoDocuments } from '../src/documents/mongo.ts'
import { type FeedGroup, feedKeys, feedOf } from '../src/feeds/groups.ts'
import { type FeedOptions, feed } from '../src/feeds/pipeline.ts'
import { type Earning, expectedFeed, type Platform, type Session, type User } from './support/feed-oracle.ts'
import { FreshDatabase, type MongodbServer, mongodbServer } from './support/mongodb-server.ts'
import { type Random, seeded } from './support/random.ts'

const GLOBAL: FeedGroup = { name: 'global', countries: [] }
const ASIA: FeedGroup = { name: 'asia', countries: ['tw', 'jp'] }
const GROUPS = [GLOBAL, ASIA]
const EXCLUDED = ['hidden:all', 'test']
const ALIASES = [...feedKeys(GROUPS).flatMap(aliasesOf), 'a.b+(c)', 'a.b']
const FEEDS = GROUPS.flatMap(({ name }) => [name, `${name}-filtered`]).map(key => feedOf(GROUPS, key, EXCLUDED)!)

const TAGS = [
  ...['country:tw', 'country:jp', 'country:us', 'country:TW', 'hashtag:x', 'feed:', 'feed', 'feed:axbbc'],
  ...['badge:new', 'badge:livestream_gold', 'badge:', 'badge:a:b', 'notbadge:x', 'Badge:x', ''],
  ...[...EXCLUDED, 'hidden:region-group:asia', 'hidden:region-group:global', 'hidden:region-group:other'],
]

const tagsOf = (random: Random, aliases: readonly string[]): string[] => {
  const tags = Array.from({ length: random.int(0, 4) }, () => random.pick(TAGS))
  for (let left = random.int(0, 3); left > 0; left--) {
    const end = random.pick(['', '', ':0', ':1', ':2', ':007', ':10', ':999999', ':1000000', ':x', ':', ':-1', ':1:2'])
    tags.push(`feed:${random.pick(aliases)}${end}`)
  }
  return random.shuffle(tags)
}

/** A platform in which nothing is sure to be there but ids. */
const platformOf = (random: Random, aliases: readonly string[]): Platform => {
  const maybe = <T>(value: () => T): T | null | undefined =>
    random.chance(0.85) ? value() : random.pick([null, undefined])
  const ids = Array.from({ length: random.int(1, 40) }, (_, i) => random.pick([`u${i}`, `$u${i}`, `u.${i}`]))
  const userId = () => (random.chance(0.9) ? random.pick(ids) : random.pick(['nobody', '$status.preset']))
  const goals = () => Array.from({ length: random.int(0, 2) }, () => ({ title: random.pick(['a', 'b']), price: 5 }))
  const sessions = Array.from(
    { length: random.int(0, 60) },
    (_, i): Session => ({
      _id: `s${i}`,
      userId: maybe(userId),
      active: maybe(() => random.chance(0.9)),
      status: maybe(() => ({ preset: maybe(() => random.pick(['preview', 'sd'])) })),
      statuses: maybe(() => ({ started: maybe(() => `2026-01-0${random.int(1, 3)}T00:00:00.000Z`) })),
      rating: maybe(() => ({
        current: maybe(() => random.int(1, 20) / 4),
        currentCount: maybe(() => random.pick([0, 1, 19, 20, 21, 500])),
      })),
      metadata: maybe(() => ({ viewerCount: maybe(() => random.int(0, 9)) })),
      showGoalPairs: maybe(goals),
      exclusiveGoalPairs: maybe(goals),
    }),
  )
  const users = ids.map(
    (id): User => ({
      _id: id,
      username: maybe(() => random.pick(['', `name of ${id}`])),
      profile: maybe(() => ({ biography: maybe(() => `life of ${id}`) })),
      tags: maybe(() => tagsOf(random, aliases)),
    }),
  )
  const earnings = Array.from(
    { length: random.int(0, 80) },
    (_, i): Earning => ({ _id: `e${i}`, userId: maybe(userId), amount: maybe(() => random.int(0, 400) / 4) }),
  )
  return { sessions: random.shuffle(sessions), users, earnings }
}

const optionsOf = (random: Random, { users }: Platform, aliases: readonly string[]): FeedOptions => {
  const ids = random.shuffle(users.map(({ _id }) => _id))
  const some = () => random.shuffle(TAGS).slice(0, random.pick([0, 1, 4]))
  return {
    ...(random.chance(0.7) ? random.pick(FEEDS) : { include: some(), exclude: some() }),
    aliases: random.chance(0.8) ? aliases : aliases.slice(1),
    trending: ids.slice(0, random.int(0, ids.length)),
    limit: random.chance(0.5) ? 1_000 : random.int(1, 20),
  }
}

interface Opened {
  store: DocumentStore
  destroy(): Promise<void>
}

async function openEmbedded(): Promise<Opened> {
  const path = mkdtempSync(join(tmpdir(), 'rollcall-feed-'))
  const store = openDocuments({ path })
  return {
    store,
    destroy: async () => {
      await store.close()
      rmSync(path, { recursive: true })
    },
  }
}

async function openMongo(server: MongodbServer): Promise<Opened> {
  const database = new FreshDatabase(server)
  return { store: openMongoDocuments(await database.connect()), destroy: () => database.drop() }
}

const STORES: [name: string, open: () => Promise<Opened>, rounds: number][] = [['embedded', openEmbedded, 40]]
const server = mongodbServer()
if (server) STORES.push(['mongo', () => openMongo(server), 5])

describe.each(STORES)('a feed, %s,', (_name, open, rounds) => {
  let opened: Opened
  let store: DocumentStore

  beforeEach(async () => {
    opened = await open()
    store = opened.store
  })
  afterEach(() => opened.destroy())

  const write = async (platform: Platform): Promise<void> => {
    for (const collection of ['sessions', 'users', 'earnings'] as const) {
      await store.removeWhere(collection, {})
      await store.upsertMany(
        collection,
        platform[collection].map(({ _id, ...set }) => ({ id: _id, seq: 1, set })),
      )
    }
  }
  const made = (options: Partial<FeedOptions>): Promise<object[]> =>
    store.aggregate(
      'sessions',
      feed({ aliases: ['a', 'b'], include: [], exclude: [], trending: [], limit: 10, ...options }),
    )

  test('has the items that a plain computation has, in its order, whatever is missing', async () => {
    const random = seeded('feeds against a plain computation')
    for (let round = 0; round < rounds; round++) {
      const aliases = random.shuffle(ALIASES).slice(0, 2)
      const platform = platformOf(random, aliases)
      await write(platform)
      for (let run = 0; run < 5; run++) {
        const options = optionsOf(random, platform, aliases)
        expect(await made(options)).toStrictEqual(expectedFeed(platform, options))
      }
    }
  })

  test('says of a streamer just what an item is made of', async () => {
    await write({
      sessions: [
        {
          ...{ _id: 's1', userId: 'u1', active: true, status: { preset: 'sd' } },
          ...{ statuses: { started: '2026-01-01T00:00:00.000Z' }, rating: { current: 4.5, currentCount: 20 } },
          ...{ metadata: { viewerCount: 6 }, exclusiveGoalPairs: [{ title: 'sing', price: 9 }] },
        },
      ],
      users: [
        {
          ...{ _id: 'u1', username: 'Ann', profile: { biography: 'sings' } },
          tags: ['badge:new', 'country:tw', 'badge:', 'badge:livestream_gold'],
        },
      ],
      earnings: [
        { _id: 'e1', userId: 'u1', amount: 5 },
        { _id: 'e2', userId: 'u1', amount: 2.5 },
        { _id: 'e3', userId: 'u2', amount: 100 },
      ],
    })
    expect(await made({ trending: ['u0', 'u1'] })).toStrictEqual([
      {
        ...{ id: 'u1', username: 'Ann', biography: 'sings', priority: null },
        metadata: {
          ...{ preset: 'sd', goal: { title: 'sing', price: 9 }, revenue: 7.5, viewers: 6 },
          ...{ started: '2026-01-01T00:00:00.000Z', trendingRanking: 1, currentRating: 4.5, sScore: 27 },
        },
        badges: ['badge:new', 'badge:livestream_gold'],
      },
    ])
  })

  test('goes by the first tag of either of its names, and says with what priority', async () => {
    const tagsOf: [id: string, tags: string[]][] = [
      ['untagged', ['feed:c', 'feed:a:x']],
      ['second', ['feed:b:1']],
      ['third', ['feed:a:2', 'feed:b']],
      ['first', ['feed:b', 'feed:a:9']],
    ]
    await write({
      sessions: tagsOf.map(([id]) => ({ _id: id, userId: id, active: true })),
      users: tagsOf.map(([_id, tags]) => ({ _id, tags })),
      earnings: [],
    })
    const items = (await made({})) as { id: string; priority: number | null }[]
    expect(items.map(({ id, priority }) => [id, priority])).toStrictEqual([
      ...[
        ['first', 0],
        ['second', -1],
        ['third', -2],
      ],
      ['untagged', null],
    ])
  })

  test('has none who is not live', async () => {
    await write({ sessions: [{ _id: 's1', userId: 'u1', active: false }], users: [{ _id: 'u1' }], earnings: [] })
    expect(await made({})).toEqual([])
  })
})

test('a feed goes by session id where all else is equal, whatever order the sessions come in', () => {
  const random = seeded('feeds of shuffled sessions')
  const ids = Array.from({ length: 30 }, (_, i) => `${i}`)
  const sessions = random.shuffle(ids).map(id => ({ _id: id, userId: `u${id}`, active: true }))
  const users = ids.map(id => ({ _id: `u${id}` }))
  const collectionResolver = (name: string) => ({ users, earnings: [] })[name]!
  const pipeline = feed({ aliases: ['a'], include: [], exclude: [], trending: [], limit: 30 })
  const items = new Aggregator(pipeline, { collectionResolver }).run<{ id: string }>(sessions)
  expect(items.map(({ id }) => id)).toEqual(ids.map(id => `u${id}`).sort())
})
