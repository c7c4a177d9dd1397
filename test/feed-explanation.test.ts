import { expect, test } from 'vitest'
import { memoryDocuments } from '../src/documents/memory.ts'
import { explain } from '../src/feeds/explanation.ts'
import { feedOf } from '../src/feeds/groups.ts'
import { type FeedItem, type FeedOptions, feed } from '../src/feeds/pipeline.ts'
import { type Random, seeded } from './support/random.ts'
import { ManualTime } from './support/time.ts'

const ASIA = { name: 'asia', countries: ['tw', 'jp'] }
const EXCLUDED = ['hidden:all', 'test']

const platform = async (users: Record<string, string[]>, live: string[], started: (id: string) => string) => {
  const documents = memoryDocuments({ time: new ManualTime() })
  const upserts = Object.entries(users).map(([id, tags]) => ({ id, seq: 1, set: { tags, username: id } }))
  await documents.upsertMany('users', upserts)
  await documents.upsertMany(
    'sessions',
    live.map(id => ({
      id: `of-${id}`,
      seq: 1,
      set: { userId: id, active: true, statuses: { started: started(id) } },
    })),
  )
  return documents
}

test('an explanation says of everybody who is live why it is where it is, or left out', async () => {
  const users = {
    ann: ['country:tw'],
    ben: ['country:jp', 'feed:user_livestream-asia:2'],
    cat: ['country:tw', 'feed:user_livestream-asia'],
    dan: ['country:us'],
    eve: ['country:tw', 'test'],
    fay: ['country:tw', 'hidden:region-group:asia'],
    gus: ['country:jp'],
    off: ['country:tw'],
  }
  const live = ['ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'nobody']
  const documents = await platform(users, live, id => (id === 'ann' ? '2026-01-02' : '2026-01-01'))
  const options = { ...feedOf([ASIA], 'asia-filtered', EXCLUDED)!, trending: ['gus', 'cat'], limit: 3 }
  const { items, leftOut, untold } = await explain(documents, { ...options, aliases: ['user_livestream-asia'] })
  expect(items).toEqual([
    { id: 'cat', sessionId: 'of-cat', priority: 0, trendingRanking: 1, started: '2026-01-01' },
    { id: 'ben', sessionId: 'of-ben', priority: -2, trendingRanking: -1, started: '2026-01-01' },
    { id: 'gus', sessionId: 'of-gus', priority: null, trendingRanking: 0, started: '2026-01-01' },
  ])
  expect(Object.fromEntries(leftOut.map(({ id, rule }) => [id, rule]))).toEqual({
    nobody: 'there is no user of this id',
    eve: 'has one of the tags hidden:all, test, hidden:region-group:asia',
    fay: 'has one of the tags hidden:all, test, hidden:region-group:asia',
    dan: 'has none of the tags country:tw, country:jp',
    ann: 'comes behind the first 3',
  })
  expect(untold).toBe(0)
})

const some = (random: Random, all: readonly string[]) => random.shuffle(all).slice(0, random.int(0, 3))

test('an explanation has the streamers of the feed, in its order, and all others who are live', async () => {
  const random = seeded('feed explanation')
  const tags = ['country:tw', 'country:us', 'test', 'hidden:all', 'feed:a', 'feed:a:1', 'feed:b:3']
  for (let round = 0; round < 40; round++) {
    const ids = Array.from({ length: random.int(1, 25) }, (_, i) => `u${i}`)
    const users = Object.fromEntries(ids.slice(random.int(0, 2)).map(id => [id, some(random, tags)]))
    const documents = await platform(users, ids, () => `2026-01-0${random.int(1, 3)}`)
    const options: FeedOptions = {
      ...{ aliases: ['a', 'b'], include: some(random, tags).slice(0, 1), exclude: some(random, tags).slice(0, 2) },
      ...{ trending: some(random, ids), limit: random.int(1, 10) },
    }
    const { items, leftOut } = await explain(documents, options)
    const made = (await documents.aggregate('sessions', feed(options))) as unknown as FeedItem[]
    expect(items.map(({ id, priority }) => [id, priority])).toEqual(made.map(({ id, priority }) => [id, priority]))
    expect([...items, ...leftOut].map(({ id }) => id).sort()).toEqual([...ids].sort())
  }
})
