import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Answer, client, clocks, NOON, refusedFor, turns } from './support/client-of.ts'

const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})

beforeEach(() => {
  clocks.device = NOON
  clocks.server = NOON
  warn.mockClear()
})

afterEach(() => {
  vi.useRealTimers()
})

/** Answers 413 to what is over so many bytes or records. */
function strict(most: { bytes?: number; records?: number }, status = 413) {
  const sizes: number[] = []
  const taken: { id: string }[] = []
  const fetch = async (url: unknown, init?: RequestInit): Promise<Response> => {
    const headers = { 'rollcall-time': String(NOON) }
    if (String(url).endsWith('/livez')) return new Response('{}', { headers })
    const body = String(init!.body)
    const records = JSON.parse(body)
    sizes.push(records.length)
    const isOver = body.length > (most.bytes ?? 1e9) || records.length > (most.records ?? 1e9)
    if (!isOver) taken.push(...records)
    return new Response('{}', { status: isOver ? status : 202, headers })
  }
  return { sizes, taken, fetch }
}

describe('a batch of the client', () => {
  test('holds at most 100 records', async () => {
    const { made, sent } = client()
    for (let n = 0; n < 250; n++) made.event({ id: `e${n}`, sessionId: 'v', page: '/' })
    await made.flush()
    expect(sent.map(({ records }) => records.length)).toEqual([100, 100, 50])
    expect(sent.flatMap(({ records }) => records.map(({ id }) => id))).toEqual([...Array(250).keys()].map(n => `e${n}`))
  })

  test('is far smaller than a body may be, whatever the letters', async () => {
    const { made, sent } = client()
    for (let n = 0; n < 300; n++) made.event({ id: `e${n}`, sessionId: 'v', page: `/${'€'.repeat(2_700)}` })
    await made.flush()
    expect(Math.max(...sent.map(({ bytes }) => bytes))).toBeLessThanOrEqual(2 ** 18)
    expect(sent.flatMap(({ records }) => records)).toHaveLength(300)
  })

  test('goes out although it is a single record that is larger than a batch', async () => {
    const { made, sent } = client()
    made.event({ id: 'e', sessionId: 'v', page: 'x'.repeat(300_000) })
    await made.flush()
    expect(sent).toHaveLength(1)
  })

  test('is halved where it is too much, by records or by bytes', async () => {
    for (const most of [{ records: 30 }, { bytes: 20_000 }]) {
      const server = strict(most)
      const { made } = client([], { fetch: server.fetch })
      for (let n = 0; n < 120; n++) made.event({ id: `e${n}`, sessionId: 'v', page: `/${'x'.repeat(500)}` })
      await made.flush()
      expect(server.taken.map(({ id }) => id)).toEqual([...Array(120).keys()].map(n => `e${n}`))
      expect(server.sizes).toEqual([100, 50, 25, 25, 25, 25, 20])
    }
  })

  test('leaves aside a record that is too much alone, and keeps it', async () => {
    const server = strict({ bytes: 2_000 })
    const sleeps: number[] = []
    const { made } = client([], {
      fetch: server.fetch,
      sleep: ms => (sleeps.push(ms) && ms > 100_000 ? new Promise(() => {}) : Promise.resolve()),
    })
    for (const id of ['a', 'big', 'b']) made.event({ id, sessionId: 'v', page: id === 'big' ? 'x'.repeat(3_000) : '/' })
    await turns()
    expect(server.taken.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(made.waiting).toBe(1)
    made.event({ id: 'c', sessionId: 'v', page: '/' })
    await turns()
    expect(server.taken.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  })

  test('of another user delays none of this one, and is kept', async () => {
    const fetch = async (url: unknown, init?: RequestInit): Promise<Response> => {
      requests++
      const isForbidden =
        !String(url).endsWith('/livez') &&
        JSON.parse(String(init!.body)).some(({ userId }: { userId: string }) => userId === 'ben')
      if (!isForbidden && init?.body) taken.push(...JSON.parse(String(init.body)))
      return new Response('{}', { status: isForbidden ? 403 : 202, headers: { 'rollcall-time': String(NOON) } })
    }
    const taken: unknown[] = []
    let requests = 0
    const { made, refusals } = client([], {
      fetch,
      sleep: ms => (ms > 100_000 ? new Promise(() => {}) : Promise.resolve()),
    })
    for (let n = 0; n < 20; n++) made.beat({ userId: n === 7 ? 'ben' : 'ann', path: `/${n}` })
    await turns()
    expect([taken.length, made.waiting, refusals.length]).toEqual([19, 1, 0])
    const before = requests
    for (let n = 0; n < 100; n++) made.beat({ userId: 'ann', path: `/${n}` })
    await turns()
    expect([taken.length, requests - before]).toEqual([119, 4])
  })

  test('has the newest beats, however many wait', async () => {
    const { made, sent } = client([{ status: 503 }], {
      async sleep(ms) {
        if (ms === 500) made.beat({ userId: 'ann', path: '/new' })
      },
    })
    for (let n = 0; n < 150; n++, clocks.device++) made.beat({ userId: 'ann', path: `/${n}` })
    await made.flush()
    expect(sent.map(({ records }) => records.at(-1)!.path)).toEqual(['/149', '/new', '/50'])
  })

  test('of beats is not delayed by events that cannot go out', async () => {
    const { made, sent } = client([{ status: 503 }], { sleep: ms => (ms === 1_000 ? turns(1) : new Promise(() => {})) })
    made.event({ sessionId: 'v', page: '/' })
    await turns()
    made.beat({ userId: 'ann', path: '/' })
    await turns()
    expect(sent.map(({ path }) => path)).toEqual(['/events', '/heartbeats'])
  })
})

describe('the client loses nothing in silence', () => {
  test.each([['http://rollcall/'], ['http://rollcall//']])('at %s', async url => {
    const { made, sent, asked } = client([], { url })
    made.beat({ userId: 'ann', path: '/' })
    await made.flush()
    expect([sent[0]!.path, ...asked]).toEqual(['/heartbeats', '/livez'])
  })

  test('behind a path', async () => {
    const { made, sent, asked } = client([], { url: 'http://rollcall/api/v1/' })
    made.beat({ userId: 'ann', path: '/' })
    await made.flush()
    expect([sent[0]!.path, ...asked]).toEqual(['/api/v1/heartbeats', '/api/v1/livez'])
  })

  test.each([
    200, 401, 403, 404, 405, 413, 415, 500, 502, 503,
  ])('where the answer is %i: it keeps what it has, and warns once', async status => {
    const answer: Answer = { status, body: 'a page of a proxy' }
    const { made, sent, refusals } = client([answer, answer, answer])
    made.event({ id: 'e', sessionId: 'v', page: '/' })
    await made.flush()
    expect(sent.at(-1)!.records).toMatchObject([{ id: 'e' }])
    expect([sent.length, refusals.length]).toEqual([4, 0])
    expect(warn.mock.calls).toEqual([[expect.stringContaining(`${status} from http://rollcall`)]])
  })

  test.each(['<html>', null, { code: 'bad_request' }])('where a proxy says 400 in words of its own: %j', async body => {
    const { made, sent, refusals } = client([{ status: 400, body }])
    made.event({ id: 'e', sessionId: 'v', page: '/' })
    await made.flush()
    expect([sent.length, refusals.length]).toEqual([2, 0])
  })

  test('where nobody asked for refusals: the console has them', async () => {
    const { made } = client([refusedFor('too_small', 0)], { refused: undefined as never })
    made.beat({ userId: '', path: '/' })
    await made.flush()
    expect(warn.mock.calls).toEqual([[expect.stringContaining('too_small')]])
  })

  test('where more waits than fits: the oldest beats go first, and are told of', async () => {
    const { made, refusals } = client(Array(99).fill('no connection'), { mostWaiting: 3 })
    made.event({ id: 'e1', sessionId: 'v', page: '/' })
    for (const path of ['/1', '/2']) made.beat({ userId: 'ann', path })
    for (const id of ['e2', 'e3', 'e4']) made.event({ id, sessionId: 'v', page: '/' })
    await turns(1)
    made.close()
    expect(refusals).toMatchObject([
      { code: 'too_many', record: { path: '/1' } },
      { code: 'too_many', record: { path: '/2' } },
      { code: 'too_many', record: { id: 'e1' } },
    ])
  })

  test('where its user makes a fault of the news', async () => {
    const uncaught = vi.fn()
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').on('uncaughtException', uncaught)
    const { made, sent } = client([refusedFor('too_small', 0)], {
      refused() {
        throw new Error('of the page')
      },
    })
    made.beat({ userId: '', path: '/' })
    made.beat({ userId: 'ann', path: '/' })
    await made.flush()
    await turns()
    process.removeAllListeners('uncaughtException')
    for (const each of others) process.on('uncaughtException', each)
    expect(sent[1]!.records).toMatchObject([{ userId: 'ann' }])
    expect(uncaught).toHaveBeenCalledOnce()
  })
})
