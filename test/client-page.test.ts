import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { client, clocks, memory, NOON, turns } from './support/client-of.ts'

const never = (): Promise<void> => new Promise(() => {})

/** A browser's page in the place of Node: whether it is hidden, and what happens to it. */
class FakePage extends EventTarget {
  readonly document = { visibilityState: 'visible' }

  show(visibilityState: 'visible' | 'hidden'): void {
    this.document.visibilityState = visibilityState
    this.dispatchEvent(new Event('visibilitychange'))
  }
}

let page: FakePage

beforeEach(() => {
  clocks.device = NOON
  clocks.server = NOON
  page = new FakePage()
  vi.stubGlobal('document', page.document)
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page))
})

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('a page that is hidden', () => {
  test('sends a beat at once, and what it has collected when it becomes so', async () => {
    const { made, sent } = client([], { sleep: never })
    made.beat({ userId: 'ann', path: '/1' })
    made.event({ id: 'e', sessionId: 'v', page: '/' })
    await turns(3)
    expect(sent).toEqual([])
    page.show('hidden')
    await turns(3)
    expect(sent.map(({ path }) => path).sort()).toEqual(['/events', '/heartbeats'])
    made.beat({ userId: 'ann', path: '/2' })
    await turns(3)
    expect(sent.at(-1)!.records).toMatchObject([{ path: '/2' }])
    made.close()
  })

  test('beats at once where the beat before could not go out, but not at every turn', async () => {
    const { made, sent } = client([{ status: 503 }, { status: 503 }], { sleep: never })
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    page.show('hidden')
    for (const seconds of [0, 1, 60, 61]) {
      clocks.device = NOON + seconds * 1_000
      clocks.server = clocks.device
      made.beat({ userId: 'ann', path: `/${seconds}` })
      await turns(3)
    }
    expect(sent.map(({ records }) => records.at(-1)!.path)).toEqual(['/0', '/60'])
    made.close()
  })

  test('waits as long as the server says all the same', async () => {
    const { made, sent } = client([{ status: 429, headers: { 'retry-after': '100' } }], { sleep: never })
    page.show('hidden')
    for (const seconds of [0, 60, 120]) {
      clocks.device = NOON + seconds * 1_000
      clocks.server = clocks.device
      made.beat({ userId: 'ann', path: `/${seconds}` })
      await turns(3)
    }
    expect(sent.map(({ records }) => records.length)).toEqual([1, 3])
    made.close()
  })
})

describe('a viewer that is watched', () => {
  test('beats at once and every 30 s until it leaves', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const { made, sent } = client([], { sleep: never })
    const leave = made.watch({ userId: 'ann', path: '/live/s' })
    await turns(3)
    expect(sent).toHaveLength(1)
    clocks.device += 30_000
    clocks.server += 30_000
    vi.advanceTimersByTime(30_000)
    await turns(3)
    leave()
    vi.advanceTimersByTime(90_000)
    await turns(3)
    expect(sent.flatMap(({ records }) => records.map(({ at }) => at))).toEqual([NOON, NOON + 30_000])
    made.close()
  })
})

describe('a page that goes', () => {
  test('sends what is left in requests that outlive it, under 64 KiB together, the newest beats first', async () => {
    const { made, sent } = client([], { sleep: never })
    for (let n = 0; n < 250; n++, clocks.device++) made.beat({ userId: 'ann', path: `/${n}` })
    for (let n = 0; n < 100; n++) made.event({ id: `e${n}`, sessionId: 'v', page: `/${'€'.repeat(300)}` })
    page.dispatchEvent(new Event('pagehide'))
    expect(sent.every(({ keepalive }) => keepalive)).toBe(true)
    expect(sent.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(65_536)
    expect(sent.slice(0, 3).map(({ records }) => records.at(-1)!.path)).toEqual(['/249', '/149', '/49'])
    expect(sent[3]!.records[0]).toMatchObject({ id: 'e0' })
    await turns(3)
    expect(made.waiting).toBe(100 - sent[3]!.records.length)
    made.close()
  })

  test('sends again what is on its way, with the same time', async () => {
    const storage = memory()
    const bodies: string[] = []
    const { made } = client([], {
      storage,
      sleep: () => Promise.resolve(),
      async fetch(url, init) {
        if (String(url).endsWith('/livez')) return new Response('{}', { headers: { 'rollcall-time': `${NOON + 9e6}` } })
        bodies.push(String(init!.body))
        return new Promise<Response>(() => {})
      },
    })
    made.event({ id: 'e', sessionId: 'v', page: '/' })
    await turns(3)
    page.dispatchEvent(new Event('pagehide'))
    expect(bodies).toEqual([bodies[0], bodies[0]])
    expect(JSON.parse(storage.text!)).toMatchObject([{ stamp: JSON.parse(bodies[0]!)[0].ts }])
    made.close()
  })

  test('that was closed sends nothing', async () => {
    const { made, sent } = client([], { sleep: never })
    made.beat({ userId: 'ann', path: '/' })
    made.close()
    page.dispatchEvent(new Event('pagehide'))
    expect(sent).toEqual([])
  })
})
