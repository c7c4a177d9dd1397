import { beforeEach, describe, expect, test, vi } from 'vitest'
import { type Answer, client, clocks, HOUR, memory, NOON, refusedFor, tokenOf, turns } from './support/client-of.ts'

const beat = { userId: 'ann', path: '/live/s' }
const visit = { id: 'e1', sessionId: 'v', page: '/' }

beforeEach(() => {
  clocks.device = NOON
  clocks.server = NOON
})

vi.spyOn(console, 'warn').mockImplementation(() => {})

describe('the clock of the client', () => {
  test.each([
    -48 * HOUR,
    -70_000,
    90_000,
    5 * HOUR,
  ])('tells the time of the server on a device that is %i ms off', async off => {
    clocks.device = NOON + off
    const { made, sent, asked } = client()
    made.beat(beat)
    made.event({ ...visit, ts: clocks.device - 1_000 })
    await made.flush()
    expect(sent.map(({ records }) => records)).toEqual([[{ ...beat, at: NOON }], [{ ...visit, ts: NOON - 1_000 }]])
    expect(asked).toEqual(['/livez'])
  })

  test("is the device's where the way alone explains the difference", async () => {
    const { made, sent } = client([], {
      // The server's clock is read after 300 of the 400 ms that its answer takes.
      now: () => (clocks.server === NOON ? NOON : NOON + 400),
      fetch: async (_url, init) => {
        clocks.server = NOON + 300
        if (init?.body) sent.push(JSON.parse(String(init.body)))
        return new Response('{}', { status: 202, headers: { 'rollcall-time': String(clocks.server) } })
      },
    })
    made.event({ ...visit, ts: NOON - 7 })
    await made.flush()
    expect(sent).toEqual([[{ ...visit, ts: NOON - 7 }]])
  })

  test('lets a single record go ahead as long as no server has answered', async () => {
    clocks.device = NOON - HOUR / 2
    const { made, sent } = client(['no connection'])
    for (const path of ['/1', '/2', '/3']) {
      made.beat({ userId: 'ann', path })
      clocks.device += 10
    }
    await made.flush()
    expect(sent.map(({ records }) => records.map(({ path }) => path))).toEqual([['/3'], ['/1', '/2', '/3']])
    const times = sent[1]!.records.map(({ at }) => at as number)
    expect(times[2]).toBe(sent[0]!.records[0]!.at)
    expect(times.slice(0, 2)).toEqual([NOON - 30, NOON - 20])
  })

  test('is not known from an answer that says no time, and is no good one', async () => {
    const sent: { at: number }[][] = []
    const { made } = client([], {
      async fetch(_url, init) {
        if (!init?.body) return new Response('from a proxy', { status: 502 })
        sent.push(JSON.parse(String(init.body)))
        return new Response('{}', { status: 202, headers: { 'rollcall-time': String(NOON + HOUR) } })
      },
    })
    for (const path of ['/1', '/2']) made.beat({ userId: 'ann', path })
    await made.flush()
    expect(sent.map(batch => batch.map(({ at }) => at))).toEqual([[NOON], [NOON + HOUR]])
  })

  test.each<Answer>(['no connection', { status: 503 }])('leaves a time as it was first sent after %j', async answer => {
    const { made, sent } = client([{ status: 202 }, answer])
    made.beat({ ...beat, path: '/' })
    await made.flush()
    made.beat(beat)
    await turns(1)
    clocks.server += 5_000
    await made.flush()
    expect(sent.slice(1).map(({ records }) => records[0]!.at)).toEqual([NOON, NOON])
  })

  test('keeps the time of what the page before has sent', async () => {
    const storage = memory()
    const { made } = client([{ status: 503 }], {
      storage,
      sleep: ms => (ms === 1_000 ? turns(1) : new Promise(() => {})),
    })
    made.event(visit)
    await turns()
    made.close()
    clocks.server += HOUR
    const next = client([], { storage })
    await next.made.flush()
    expect(next.sent.map(({ records }) => records)).toEqual([[{ ...visit, ts: NOON }]])
  })

  test.each(['in_future', 'too_old', 'before_2000'])('puts right a time that was refused as %s', async code => {
    const { made, sent, refusals } = client([{ status: 202 }, refusedFor(code, 0)])
    made.beat(beat)
    await made.flush()
    clocks.device += 3 * HOUR
    made.beat(beat)
    await made.flush()
    expect(sent.map(({ records }) => records[0]!.at)).toEqual([NOON, NOON + 3 * HOUR, NOON])
    expect(refusals).toEqual([])
  })

  test('refuses what is in the future by the right clock too', async () => {
    const { made, refusals } = client([refusedFor('in_future', 0)])
    made.beat({ ...beat, at: NOON + HOUR })
    await made.flush()
    expect(refusals).toMatchObject([{ code: 'in_future', record: { at: NOON + HOUR } }])
  })

  test.each<Answer>([
    'no connection',
    { status: 503 },
    { status: 408 },
  ])('stamps nothing again that is too old now, and may have been accepted: %j', async answer => {
    const { made, sent, refusals } = client([{ status: 202 }, answer, refusedFor('too_old', 0)], {
      async sleep(ms) {
        if (ms === 500) clocks.server += 10 * HOUR
      },
    })
    made.beat(beat)
    await made.flush()
    made.beat({ ...beat, path: '/' })
    await made.flush()
    expect(sent.map(({ records }) => records[0]!.at)).toEqual([NOON, NOON, NOON])
    expect(refusals.map(({ code }) => code)).toEqual(['too_old'])
  })

  test('drops beats that waited for more than an hour, and says so; visits it sends', async () => {
    const storage = memory()
    const { made } = client([], { storage, fetch: () => Promise.reject(new TypeError('fetch failed')) })
    made.beat(beat)
    made.event(visit)
    await turns(3)
    made.close()
    clocks.device += HOUR + 1
    const next = client([], { storage })
    next.made.beat({ ...beat, path: '/new' })
    await next.made.flush()
    expect(next.refusals).toMatchObject([{ code: 'too_old', record: beat }])
    expect(next.sent.flatMap(({ records }) => records)).toMatchObject([{ path: '/new' }, visit])
  })

  test('leaves it to the server how old the beats of a service may be', async () => {
    const storage = memory()
    const token = tokenOf({ sub: 'edge', scope: 'service' })
    const { made } = client([], { storage, token, fetch: () => Promise.reject(new TypeError('fetch failed')) })
    made.beat(beat)
    made.close()
    clocks.device += 2 * HOUR
    clocks.server += 2 * HOUR
    const next = client([], { storage, token })
    await next.made.flush()
    expect(next.sent.flatMap(({ records }) => records)).toEqual([{ ...beat, at: NOON }])
  })
})
