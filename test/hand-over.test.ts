import { afterEach, expect, test, vi } from 'vitest'

/** The page's own module, as a browser loads it. */
const FILE = new URL('../src/bridge/http/inspect/page/stately.js', import.meta.url).href
const { handOver } = await import(FILE)

afterEach(() => vi.unstubAllGlobals())

/** A browser as far as the hand-over needs one. */
function browser() {
  const sockets: EventTarget[] = []
  const posted: unknown[] = []
  const target = { closed: false, postMessage: (frame: unknown) => posted.push(frame) }
  const window = Object.assign(new EventTarget(), { open: () => target })
  vi.stubGlobal('window', window)
  vi.stubGlobal('sessionStorage', { getItem: () => null })
  vi.stubGlobal(
    'WebSocket',
    class extends EventTarget {
      constructor() {
        super()
        sockets.push(this)
      }
    },
  )
  const listens = () =>
    window.dispatchEvent(
      Object.assign(new Event('message'), {
        ...{ origin: 'https://stately.ai', source: target, data: { type: '@statelyai.connected' } },
      }),
    )
  return { sockets, posted, listens }
}

test('a hand-over says when its connection is refused or ends, and listens no more then', () => {
  const { sockets, posted, listens } = browser()
  const said: string[] = []
  handOver('viewer', 'ann', (text: string) => said.push(text))
  const [socket] = sockets
  socket!.dispatchEvent(Object.assign(new Event('message'), { data: '{"n":1}' }))
  socket!.dispatchEvent(new Event('close'))
  expect(said).toEqual([
    'Handed over until either page is closed.',
    'Nothing is handed over any more: the connection was refused, or ended.',
  ])
  listens()
  expect(posted).toEqual([])
})
