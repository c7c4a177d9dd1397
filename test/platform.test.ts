import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { InFlight } from '../src/bridge/http/in-flight.ts'
import { httpServer } from '../src/bridge/http/index.ts'
import type { Bridge } from '../src/bridge/index.ts'
import { Turns } from '../src/bridge/turns.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import type { Body } from './support/server.ts'
import { ManualTime } from './support/time.ts'

const groups = [
  { name: 'global', countries: [] },
  { name: 'asia', countries: ['tw', 'jp'] },
]
const GLOBAL = ['global', 'global-filtered']
const ASIA = ['asia', 'asia-filtered']
const TAGGED = { username: 'Sam', tags: ['country:tw'] }

let documents: DocumentStore
let asked: Event[]
let isLogDown: boolean
let app: ReturnType<typeof httpServer>
beforeEach(() => {
  const time = new ManualTime()
  documents = memoryDocuments({ time })
  asked = []
  isLogDown = false
  const append = async (events: Event[]) => {
    if (isLogDown) throw new Error('no log')
    asked.push(...events)
  }
  const rest = {
    callers: null,
    stamp: { forget() {} },
    subscriptions: { forget() {} },
    refusals: { add() {} },
    turns: new Turns(time),
  }
  const settings = { feeds: { groups }, countryHeader: null, pusher: null, partitions: 1, snapshots: [] }
  app = httpServer({ settings, documents, append, time, ...rest } as unknown as Bridge, new InFlight(time))
})
afterEach(() => app.close())

async function ask(
  method: 'GET' | 'PUT' | 'POST',
  url: string,
  payload?: object,
): Promise<{ status: number; body: Body }> {
  const { statusCode, body } = await app.inject({ method, url, ...(payload && { payload }) })
  return { status: statusCode, body: JSON.parse(body) }
}
/** The keys of the feeds that a write asks for. */
async function feedsAskedBy(url: string, payload: object): Promise<string[]> {
  asked = []
  await ask('PUT', url, payload)
  return asked.map(({ kind, key }) => (kind === 'feed.request' ? key : kind))
}
const isLive = (userId: string) =>
  documents.upsertMany('sessions', [{ id: `of ${userId}`, seq: 1, set: { userId, active: true } }])

describe('a profile', () => {
  test('of a live streamer asks, where it is new or changed, for the feeds that show it', async () => {
    await isLive('sam')
    expect(await feedsAskedBy('/users/sam', { username: 'Sam' })).toEqual(GLOBAL)
    expect(await feedsAskedBy('/users/sam', TAGGED)).toEqual([...GLOBAL, ...ASIA])
    expect(await feedsAskedBy('/users/sam', { ...TAGGED, profile: { biography: 'sings' } })).toEqual([
      ...GLOBAL,
      ...ASIA,
    ])
  })

  test('asks for the feeds that have to let go of it, too', async () => {
    await isLive('sam')
    await ask('PUT', '/users/sam', TAGGED)
    expect(await feedsAskedBy('/users/sam', { username: 'Sam', tags: ['country:us'] })).toEqual([...GLOBAL, ...ASIA])
    expect(await feedsAskedBy('/users/sam', { username: 'Sam', country: 'JP' })).toEqual([...GLOBAL, ...ASIA])
  })

  test('asks for none where nothing of it is shown, or nothing changed', async () => {
    await isLive('sam')
    await ask('PUT', '/users/sam', TAGGED)
    expect(await feedsAskedBy('/users/sam', TAGGED)).toEqual([])
    expect(await feedsAskedBy('/users/sam', { ...TAGGED, groups: ['premium'] })).toEqual([])
  })

  test('asks for none where its user is not live', async () => {
    await documents.upsertMany('sessions', [{ id: 's1', seq: 1, set: { userId: 'sam', active: false } }])
    expect(await feedsAskedBy('/users/sam', TAGGED)).toEqual([])
  })

  test('that could not ask is not written, and asks when it is sent again', async () => {
    await isLive('sam')
    isLogDown = true
    expect((await ask('PUT', '/users/sam', TAGGED)).status).toBe(500)
    isLogDown = false
    expect(await feedsAskedBy('/users/sam', TAGGED)).toEqual([...GLOBAL, ...ASIA])
    expect(await documents.get('users', 'sam')).toMatchObject(TAGGED)
  })

  test('has no name where that is empty', async () => {
    expect((await ask('PUT', '/users/sam', { username: '' })).body).toMatchObject({ username: null })
  })
})

test('another list of who is trending asks for all feeds, the same again for none', async () => {
  expect(await feedsAskedBy('/trending', { userIds: ['sam', 'ann'] })).toEqual([...GLOBAL, ...ASIA])
  expect(await feedsAskedBy('/trending', { userIds: ['sam', 'ann'] })).toEqual([])
  expect(await feedsAskedBy('/trending', { userIds: ['ann', 'sam'] })).toEqual([...GLOBAL, ...ASIA])
  expect((await ask('GET', '/trending')).body).toEqual({ userIds: ['ann', 'sam'] })
})

test('nobody is trending before anybody said so', async () => {
  expect((await ask('GET', '/trending')).body).toEqual({ userIds: [] })
})

describe('the data of the platform is read as it was written:', () => {
  test('followers', async () => {
    await ask('PUT', '/users/sam/followers/ann')
    await ask('PUT', '/users/sammy/followers/ben')
    const ann = { userId: 'sam', followerId: 'ann' }
    expect((await ask('GET', '/users/sam/followers')).body).toEqual({ followers: [ann] })
    expect((await ask('GET', '/users/sam/followers/ann')).body).toEqual(ann)
    expect(await ask('GET', '/users/sam/followers/ben')).toMatchObject({ status: 404, body: { code: 'RC_NOT_FOUND' } })
  })

  test('sources', async () => {
    const set = { statuses: { started: '2026-01-01T00:00:00Z' }, metadata: { sessionId: 's1' } }
    await ask('PUT', '/sources/sam/obs', set)
    const source = { userId: 'sam', name: 'obs', ...set }
    expect((await ask('GET', '/sources/sam')).body).toEqual({ sources: [source] })
    expect((await ask('GET', '/sources/sam/obs')).body).toEqual(source)
  })

  test('earnings, of all or of one', async () => {
    const [one, other] = [
      { id: 'e1', userId: 'sam', amount: 2 },
      { id: 'e2', userId: 'ann', amount: 3.5 },
    ]
    for (const earning of [one, other]) await ask('POST', '/earnings', earning)
    expect((await ask('GET', '/earnings')).body).toEqual({ earnings: [one, other] })
    expect((await ask('GET', '/earnings?userId=ann')).body).toEqual({ earnings: [other] })
    expect((await ask('GET', '/earnings/e1')).body).toEqual(one)
  })
})

describe.each([
  ['followers', '/users/sam/followers?', 'followerId'],
  ['sources', '/sources/sam?', 'name'],
  ['earnings', '/earnings?userId=sam&', 'id'],
])('the list of %s', (collection, path, field) => {
  const NAMES = Array.from({ length: 5 }, (_, i) => `${i} é/`)
  beforeEach(async () => {
    for (const name of NAMES) {
      if (collection === 'followers') await ask('PUT', `/users/sam/followers/${encodeURIComponent(name)}`)
      else if (collection === 'sources') await ask('PUT', `/sources/sam/${encodeURIComponent(name)}`, {})
      else await ask('POST', '/earnings', { id: name, userId: 'sam', amount: 1 })
    }
  })

  test.each([1, 2, 4, 5, 6])('comes whole and in order in pages of %i', async limit => {
    const seen: string[] = []
    for (let after = ''; ; ) {
      const { body } = await ask('GET', `${path}limit=${limit}${after}`)
      seen.push(...body[collection].map((each: Body) => each[field]))
      if (body.next === undefined) break
      expect(body[collection]).toHaveLength(limit)
      after = `&after=${encodeURIComponent(body.next)}`
    }
    expect(seen).toEqual(NAMES)
  })

  test.each([
    'limit=0',
    'limit=1001',
    'limit=x',
    'limit=-1',
    'limit=1e2',
    'limit=1&limit=2',
    'after=%0a',
    'after=',
  ])('refuses %s', async query => {
    expect(await ask('GET', `${path}${query}`)).toMatchObject({ status: 400, body: { code: 'RC_INVALID_INPUT' } })
  })

  test('has a hundred on a page unless told', async () => {
    for (let i = 0; i < 100; i++)
      await documents.upsertMany(collection as 'sources', [
        { id: `sam\n${i}`, seq: 1, set: { userId: 'sam', [field]: `${i}` } },
      ])
    const { body } = await ask('GET', path)
    expect([body[collection].length, typeof body.next]).toEqual([100, 'string'])
  })
})
