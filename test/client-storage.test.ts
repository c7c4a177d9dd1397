import { beforeEach, describe, expect, test } from 'vitest'
import { client, clocks, memory, NOON, tokenOf, turns } from './support/client-of.ts'

const offline = { fetch: () => Promise.reject(new TypeError('fetch failed')) }
const visit = (id: string) => ({ id, sessionId: 'v', page: '/' })
const idsOf = (sent: { records: Record<string, unknown>[] }[]): unknown[] =>
  sent.flatMap(({ records }) => records.map(({ id, path }) => id ?? path))

beforeEach(() => {
  clocks.device = NOON
  clocks.server = NOON
})

describe('the storage of the client', () => {
  test.each([
    'null',
    '7',
    '"text"',
    '{}',
    '[null]',
    '[7,"x",[],{}]',
    '[{"kind":"heartbeats"}]',
    '[{"kind":"heartbeats","record":null}]',
    '[{"kind":"heartbeats","record":{"userId":7,"path":"/","at":1}}]',
    '[{"kind":"heartbeats","record":{"userId":"u","path":"/","at":"now"}}]',
    '[{"kind":"heartbeats","record":{"userId":"u","path":"/","at":1},"user":7}]',
    '[{"kind":"events","record":{"sessionId":"v","page":"/","ts":1}}]',
    '[{"kind":"others","record":{"id":"x","sessionId":"v","page":"/","ts":1}}]',
    '[{"kind":"events","record":{"id":"x","sessionId":{},"page":"/","ts":1}}]',
    '[{"kind":"events"',
  ])('may hold %s, and what is no record is passed over', async text => {
    const storage = memory(text)
    const { made, sent } = client([], { storage })
    expect(made.waiting).toBe(0)
    made.event(visit('e'))
    await made.flush()
    expect([idsOf(sent), storage.text]).toEqual([['e'], '[]'])
  })

  test('may hold records among other things, also as the version before wrote them', async () => {
    const old = { kind: 'events', record: { ...visit('old'), ts: NOON - 5 } }
    const { made, sent } = client([], { storage: memory(JSON.stringify([null, old, { kind: 'x' }])) })
    await turns()
    expect(made.waiting).toBe(0)
    expect(sent.map(({ records }) => records)).toEqual([[{ ...visit('old'), ts: NOON - 5 }]])
  })

  test('keeps what each of several tabs has', async () => {
    const storage = memory()
    const tabs = [1, 2, 3].map(() => client([], { storage, ...offline }).made)
    for (const round of [1, 2]) for (const [tab, made] of tabs.entries()) made.event(visit(`${tab}-${round}`))
    for (const made of tabs) made.close()
    const { made, sent } = client([], { storage })
    await made.flush()
    expect(idsOf(sent).sort()).toEqual(['0-1', '0-2', '1-1', '1-2', '2-1', '2-2'])
    expect(storage.text).toBe('[]')
  })

  test('keeps what one tab has when another one has sent all of its own', async () => {
    const storage = memory()
    const first = client([], { storage, ...offline }).made
    const second = client([], {
      storage,
      async fetch(_url, init) {
        if (init?.body) first.event(visit('a'))
        return new Response('{}', { status: 202, headers: { 'rollcall-time': String(NOON) } })
      },
    })
    second.made.event(visit('b'))
    await second.made.flush()
    expect(JSON.parse(storage.text!)).toMatchObject([{ record: { id: 'a' } }])
    first.close()
    const next = client([], { storage })
    await next.made.flush()
    expect(idsOf(next.sent)).toEqual(['a'])
  })

  test('lets go of what was there before when another tab has sent it', async () => {
    const storage = memory(JSON.stringify([{ kind: 'events', record: { ...visit('a'), ts: NOON } }]))
    const slow = client([], { storage, sleep: () => new Promise(() => {}) }).made
    await client([], { storage }).made.flush()
    expect([slow.waiting, storage.text]).toEqual([1, '[]'])
    slow.beat({ userId: 'ann', path: '/' })
    expect(slow.waiting).toBe(1)
    slow.close()
  })

  test('gets back what another tab wrote over', async () => {
    const storage = memory()
    const { made } = client([], { storage, ...offline })
    made.event(visit('a'))
    storage.text = '[]'
    made.event(visit('b'))
    made.close()
    expect(JSON.parse(storage.text!).map((each: { record: { id: string } }) => each.record.id)).toEqual(['a', 'b'])
  })

  test('is taken no more of than a part, without the oldest beats', async () => {
    const storage = memory()
    const { made, refusals } = client([], { storage, ...offline })
    for (let n = 0; n < 50; n++, clocks.device++) made.beat({ userId: 'ann', path: `/${n}` })
    for (let n = 0; n < 140; n++) made.event({ ...visit(`e${n}`), page: 'x'.repeat(7_500) })
    made.close()
    expect(storage.text!.length).toBeLessThanOrEqual(2 ** 20)
    expect(storage.text!.length).toBeGreaterThan(2 ** 20 - 10_000)
    const kept = JSON.parse(storage.text!).map((each: { record: { id?: string } }) => each.record.id)
    expect([kept.includes('e139'), kept.includes('e0'), kept.includes(undefined)]).toEqual([true, false, false])
    expect([made.waiting, refusals.length]).toEqual([190, 0])
  })

  test('holds the newest where there is little room', async () => {
    const storage = memory()
    const small = {
      ...storage,
      getItem: () => storage.text,
      setItem(name: string, value: string) {
        if (value.length > 2_000) throw new Error('full')
        storage.setItem(name, value)
      },
    }
    const { made } = client([], { storage: small, ...offline })
    for (let n = 0; n < 50; n++, clocks.device++) made.beat({ userId: 'ann', path: `/${n}` })
    made.close()
    const next = client([], { storage: small })
    await next.made.flush()
    expect(idsOf(next.sent)).toContain('/49')
    expect(storage.text).toBe('[]')
  })

  test('may be forbidden altogether', async () => {
    const forbidden = (): never => {
      throw new Error('forbidden')
    }
    const { made, sent } = client([], { storage: { getItem: forbidden, setItem: forbidden } })
    made.event(visit('a'))
    await made.flush()
    expect(idsOf(sent)).toEqual(['a'])
  })
})

describe('the records of a user', () => {
  const ann = tokenOf({ sub: 'ann' })
  const ben = tokenOf({ sub: 'ben' })

  test.each([
    ['text', ann],
    ['a call', () => ann],
    ['a promise', async () => ann],
  ])("are neither sent nor dropped under another one's token, where the token is %s", async (_name, token) => {
    const storage = memory()
    const { made } = client([], { storage, token, ...offline })
    made.beat({ userId: 'ann', path: '/' })
    made.event(visit('a'))
    await turns(3)
    made.close()
    clocks.device += 2 * 3_600_000
    clocks.server = clocks.device
    const other = client([], { storage, token: () => ben })
    other.made.event(visit('b'))
    await other.made.flush()
    expect([idsOf(other.sent), other.made.waiting, other.refusals]).toEqual([['b'], 0, []])
    clocks.device = NOON
    clocks.server = NOON
    const again = client([], { storage, token })
    await again.made.flush()
    expect(idsOf(again.sent).sort()).toEqual(['/', 'a'])
    expect(storage.text).toBe('[]')
  })

  test('are not sent without a token', async () => {
    const storage = memory()
    const { made } = client([], { storage, token: ann, ...offline })
    made.beat({ userId: 'ann', path: '/' })
    made.close()
    const other = client([], { storage })
    await other.made.flush()
    expect([other.sent, other.made.waiting]).toEqual([[], 0])
  })

  test('stay theirs in a page where somebody else signs in', async () => {
    let token = ann
    let isOnline = false
    const { made, sent } = client([], { token: async () => token })
    const held = client([], {
      token: async () => token,
      fetch: async (_url, init) => {
        if (!isOnline) throw new TypeError('fetch failed')
        if (init?.body) sent.push(JSON.parse(String(init.body)))
        return new Response('{}', { status: 202, headers: { 'rollcall-time': String(NOON) } })
      },
    }).made
    held.event(visit('a'))
    await turns(3)
    token = ben
    clocks.device += 5_000
    held.event(visit('b'))
    await turns(3)
    isOnline = true
    await turns(30)
    expect(sent.flat()).toMatchObject([{ id: 'b' }])
    token = ann
    held.event(visit('c'))
    await turns(30)
    expect(sent.flat()).toMatchObject([{ id: 'b' }, { id: 'a' }, { id: 'c' }])
    made.close()
  })

  test('are theirs from when they were made, however soon somebody else signs in', async () => {
    const storage = memory()
    const tokens = [ann, ben, ann, ben]
    const { made } = client([], { storage, token: () => tokens.shift()!, sleep: () => new Promise(() => {}) })
    made.event(visit('a'))
    made.beat({ userId: 'ben', path: '/' })
    clocks.device += 5_000
    made.event(visit('c'))
    clocks.device += 900
    made.event(visit('d'))
    expect(JSON.parse(storage.text!).map(({ user }: { user: string }) => user)).toEqual(['ann', 'ben', 'ann', 'ann'])
    made.close()
  })

  test('are of whom they name where there was no token for them', async () => {
    const records = [
      { kind: 'heartbeats', record: { userId: 'ann', path: '/ann', at: NOON } },
      { kind: 'heartbeats', record: { userId: 'ben', path: '/ben', at: NOON } },
      { kind: 'events', record: { ...visit('u'), sessionId: 'u/ann', ts: NOON } },
      { kind: 'events', record: { ...visit('v'), ts: NOON } },
    ]
    const { made, sent } = client([], { storage: memory(JSON.stringify(records)), token: ann })
    await made.flush()
    expect(idsOf(sent).sort()).toEqual(['/ann', 'u'])
  })

  test('wait for a token that hangs, while another one is there', async () => {
    const first = Promise.withResolvers<string>()
    const tokens = [first.promise]
    const { made, sent } = client([], { token: () => tokens.shift() ?? Promise.resolve(ann) })
    made.event({ id: 'a', page: '/' })
    made.beat({ userId: 'ann', path: '/' })
    await turns()
    expect(sent).toEqual([])
    first.resolve(ann)
    await made.flush()
    expect(idsOf(sent).sort()).toEqual(['/', 'a'])
  })

  test("wait for a token that is late, and are its user's", async () => {
    let fails = 2
    const token = async (): Promise<string> => {
      if (fails-- > 0) throw new Error('no token')
      return ann
    }
    const { made, sent } = client([], { token })
    made.event({ id: 'a', page: '/' })
    await made.flush()
    expect(sent.map(({ records }) => records)).toEqual([[{ id: 'a', sessionId: 'u/ann', page: '/', ts: NOON }]])
  })

  test.each([
    [{ sub: 'ann' }, 'u/ann'],
    [{ sub: 'ann', visitor: 'device-7' }, 'device-7'],
    [{ sub: 'änn/7' }, 'u/änn/7'],
  ])('of the web are the visits of whom the token names: %j', async (claims, sessionId) => {
    const { made, sent } = client([], { token: async () => tokenOf(claims) })
    made.event({ id: 'a', page: '/' })
    made.event({ id: 'b', page: '/', sessionId: 'own' })
    await made.flush()
    expect(sent[0]!.records.map(each => each.sessionId)).toEqual([sessionId, 'own'])
  })
})
