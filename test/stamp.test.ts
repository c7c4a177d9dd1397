import { describe, expect, test } from 'vitest'
import { Stamp } from '../src/bridge/stamp.ts'
import { webEvents } from '../src/bridge/web-events.ts'
import type { Document, DocumentStore } from '../src/documents/index.ts'

const users: Record<string, Partial<Document>> = {
  ann: { country: 'TW', groups: ['premium', 'free', 'premium'] },
}
let asked: string[] = []
let sessions: Record<string, object> = {}
const documents = {
  get: async (collection: string, id: string) => {
    asked.push(id)
    if (collection === 'sessions') return sessions[id] ?? null
    return (users[id] as Document | undefined) ?? null
  },
} as unknown as DocumentStore

const stamped = async (stamp: Stamp, userIds: string[], more: object = {}, country?: string) => {
  const beats = userIds.map(userId => ({ userId, path: '/', ...more }))
  return stamp.heartbeats(beats as Parameters<Stamp['heartbeats']>[0], 1_000, country)
}

describe('a heartbeat is stamped', () => {
  test("with the profile's country and groups, sorted, each once", async () => {
    const [event] = await stamped(new Stamp(documents, []), ['ann'])
    expect(event).toMatchObject({ country: 'TW', groups: ['free', 'premium'], at: 1_000, arrival: 1_000 })
  })

  test("with the edge's country before the profile's, the client's own before both", async () => {
    const stamp = new Stamp(documents, [])
    const [byEdge] = await stamped(stamp, ['ann'], {}, 'DE')
    const [own] = await stamped(stamp, ['ann'], { country: 'FR' }, 'DE')
    expect([byEdge!.country, own!.country]).toEqual(['DE', 'FR'])
  })

  test('with ZZ and no group where nothing is known', async () => {
    expect((await stamped(new Stamp(documents, []), ['nobody']))[0]).toMatchObject({ country: 'ZZ', groups: [] })
  })

  test('from a profile that is asked for once, and again when it was written', async () => {
    const stamp = new Stamp(documents, [])
    asked = []
    await stamped(stamp, ['ann', 'ann'])
    await stamped(stamp, ['ann'])
    stamp.forget('ann')
    await stamped(stamp, ['ann'])
    expect(asked).toEqual(['ann', 'ann'])
  })

  test('rightly also when more users beat at once than profiles are remembered', async () => {
    const stamp = new Stamp(documents, [])
    const many = Array.from({ length: 100_001 }, (_, n) => `user-${n}`)
    await stamped(stamp, ['ann'])
    const events = await stamped(stamp, ['ann', ...many])
    expect(events[0]!.country).toBe('TW')
  })

  test.each([
    ['/sessions/a', 'a'],
    ['/live/a/chat?x#y', 'a'],
    ['/live/a?x', 'a'],
    ['/live/', null],
    ['/lives/a', null],
    [`/live/${'x'.repeat(257)}`, null],
    ['/live/a\u0000b', null],
    ['/live/a\u009bb', null],
    ["/live/nuit%20d'%C3%A9t%C3%A9/chat", "nuit d'été"],
    ['/live/a%2Fb%3Fc%23d?x', 'a/b?c#d'],
    ['/%6Cive/a%62', 'ab'],
    ['/live%2Fa', null],
    ['/live/a%252Fb', 'a%2Fb'],
    ['/live/100%', '100%'],
    ['/live/%E9t%C3%A9', '%E9t%C3%A9'],
    ['/live/a%00b', null],
    ['/live/a%C2%9Bb', null],
    ['/live/?%', null],
    ['/li%ve/a', null],
    ['/%', null],
  ])('with the stream of %j: %j', async (path, stream) => {
    const [event] = await stamped(new Stamp(documents, ['/sessions/', '/live/']), ['ann'], { path })
    expect(event!.stream).toBe(stream)
  })
})

test.each([
  ['/übertragung/', '/%C3%BCbertragung/a', 'a'],
  ['/%C3%BCbertragung/', '/übertragung/a', 'a'],
  ['/%C3%BCbertragung/', '/%c3%bcbertragung/a', 'a'],
  ['/tv/on-', '/tv/on%2Da%2Fb/c', 'a/b'],
  ['/a/live/', '/a%2Flive/x/y', null],
])('under %j a heartbeat on %j is one on %j', async (prefix, path, stream) => {
  const [event] = await stamped(new Stamp(documents, [prefix]), ['ann'], { path })
  expect(event!.stream).toBe(stream)
})

describe('a heartbeat on a stream is stamped', () => {
  const onStream = async (stamp: Stamp) =>
    (await stamped(stamp, ['ann'], { path: '/sessions/s1?x' })).map(({ stream, streamer, preset }) => [
      ...[stream, streamer, preset],
    ])[0]

  test("with the session's streamer and preset", async () => {
    sessions = { s1: { userId: 'sam', active: true, status: { preset: 'sd' } } }
    expect(await onStream(new Stamp(documents, ['/sessions/']))).toEqual(['s1', 'sam', 'sd'])
  })

  test.each([
    ['no session has its id', {}],
    ['the session has ended', { s1: { userId: 'sam', active: false, status: { preset: 'sd' } } }],
  ])('with the stream alone where %s', async (_, known) => {
    sessions = known
    expect(await onStream(new Stamp(documents, ['/sessions/']))).toEqual(['s1', undefined, undefined])
  })

  test('from a session that is asked for once, and again when it changed', async () => {
    const stamp = new Stamp(documents, ['/sessions/'])
    sessions = { s1: { userId: 'sam', active: true, status: { preset: 'preview' } } }
    await onStream(stamp)
    sessions = { s1: { userId: 'sam', active: true, status: { preset: 'sd' } } }
    expect((await onStream(stamp))?.[2]).toBe('preview')
    stamp.forgetSession('s1')
    expect((await onStream(stamp))?.[2]).toBe('sd')
  })
})

const webEvent = (input: object) => webEvents([input as Parameters<typeof webEvents>[0][0]], 5)[0]!

test('a web event is kept with its user and its party', () => {
  const { visit } = webEvent({ id: 'e', sessionId: 'v', ts: 1, page: '/', userId: 'ann', partyId: 'acme' })
  expect(visit).toEqual({ id: 'e', ts: 1, page: '/', userId: 'ann', partyId: 'acme' })
})

describe('a web event without an id', () => {
  const idOf = (input: object) => webEvent(input).id

  test('gets the hash of its canonical JSON', () => {
    // sha256 of {"page":"/","sessionId":"v","ts":1}
    expect(idOf({ sessionId: 'v', ts: 1, page: '/' })).toBe(
      '181c7270cd158fde4d222fe23f5c8abc67fe7caf139301bdfa15f26c1d994c66',
    )
  })

  test('gets the same whatever the order of its fields, another where one differs', () => {
    const source = { source: 'a', medium: 'b' }
    // sha256 of {"page":"/","partyId":"p","sessionId":"v","ts":1}
    const ofParty = '1283a3cdf986b6b613d59b8488936933e027cec5af7a3ab2c72f830f80dbec7d'
    expect(idOf({ partyId: 'p', sessionId: 'v', ts: 1, page: '/' })).toBe(ofParty)
    expect(idOf({ sessionId: 'v', ts: 1, page: '/', source })).toBe(
      idOf({ source: { medium: 'b', source: 'a' }, page: '/', ts: 1, sessionId: 'v' }),
    )
    expect(idOf({ sessionId: 'v', ts: 1, page: '/' })).not.toBe(idOf({ sessionId: 'v', ts: 1, page: '/', userId: 'u' }))
  })
})
