import { once } from 'node:events'
import { get, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { RollcallError } from '../src/errors.ts'
import type { Frame } from '../src/inspect/frame.ts'
import type { Owner } from '../src/ownership/index.ts'
import type { Watched } from '../src/shard/index.ts'
import { doors } from './support/doors.ts'
import { eventStream } from './support/event-stream.ts'

const PAGE = '/inspect/actors/viewer/ann/live'
const STATELY = '/inspect/stately?actor=viewer/ann'
/** A frame of the largest that there are. */
const FRAME = {
  seq: 9,
  at: 1,
  event: { type: 'heartbeat' },
  snapshot: { text: 'x'.repeat(250_000) },
} as unknown as Frame

const BEGUN: Watched = { frames: [], lost: 0, next: 'a:0' }
const NEVER = new Promise<never>(() => {})

/** An owner that answers so, one after the other, and then no more. */
const answering =
  (answers: (Watched | RollcallError)[]): Owner['watch'] =>
  async () => {
    const answer = answers.shift() ?? NEVER
    if (answer instanceof RollcallError) throw answer
    return answer
  }

let close = async (): Promise<void> => {}
afterEach(() => close())

/** A server whose owner always has an answer's worth of frames, and keeps 500 for who is behind. */
async function busy(watch?: Owner['watch']) {
  const { app, bridge, time } = doors({})
  const asked: (string | null)[] = []
  const ending = new AbortController()
  const always: Owner['watch'] = async (_partition, _kind, _key, after) => {
    asked.push(after)
    if (after === null) return { frames: [], lost: 0, next: '0' }
    await new Promise(resolve => setImmediate(resolve))
    return { frames: [FRAME, FRAME], lost: asked.length === 3 ? 7 : 0, next: String(asked.length) }
  }
  const actor: Owner['actor'] = async () => ({
    ...{ kind: 'viewer', key: 'ann', partition: 0, shard: 0, seq: 1, cut: 0, epoch: 1, owner: 'o', isAwake: true },
    ...{ edge: null, snapshot: { value: 'watching', context: {}, status: 'active' } as never },
  })
  /** Requests that name a position wait for this. */
  const gate = Promise.withResolvers<void>()
  const waiting = vi.fn(() => gate.promise)
  Object.assign(bridge.directory, { waiting, owner: { watch: watch ?? always, actor }, ending: ending.signal })
  await app.listen({ port: 0, host: '127.0.0.1' })
  close = async () => {
    ending.abort()
    app.server.closeAllConnections()
    await app.close()
  }
  const { port } = app.server.address() as AddressInfo
  return { url: `127.0.0.1:${port}`, asked, time, server: app.server, gate, waiting }
}

const count = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => server.getConnections((error, n) => (error ? reject(error) : resolve(n))))

/** The number of questions, once no more are put. */
async function settled(asked: unknown[]): Promise<number> {
  for (let before = -1; before !== asked.length; ) {
    before = asked.length
    await new Promise(resolve => setTimeout(resolve, 300))
  }
  return asked.length
}

describe('a reader that does not read', () => {
  test('has no more kept for it than its connection holds, and goes on where it was', async () => {
    const { url, asked } = await busy()
    const [response] = (await once(get(`http://${url}${PAGE}`), 'response')) as [IncomingMessage]
    response.pause()
    const count = await settled(asked)
    // Some MB are on their way in the kernels' buffers.
    expect(count).toBeLessThan(60)
    let text = ''
    response.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    response.resume()
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(count))
    response.destroy()
    expect(asked.slice(0, 4)).toEqual([null, '0', '2', '3'])
    expect(text).toContain('event: lost\ndata: {"frames":7}\n\n')
  })

  test("has no more kept for it on Stately's WebSocket either", async () => {
    const { url, asked } = await busy()
    const socket = new WebSocket(`ws://${url}${STATELY}`)
    await once(socket, 'open')
    socket.pause()
    const count = await settled(asked)
    expect(count).toBeLessThan(60)
    socket.resume()
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(count))
    socket.terminate()
  })
})

describe('a stream', () => {
  test('asks no more once its reader is gone', async () => {
    const { url, asked } = await busy()
    const [response] = (await once(get(`http://${url}${PAGE}`), 'response')) as [IncomingMessage]
    response.destroy()
    await settled(asked)
  })

  test.each([PAGE, STATELY])('does not begin if its reader left before its turn came: %s', async path => {
    const { url, asked, server, gate, waiting } = await busy()
    const headers = {
      'rollcall-after': '0-7',
      ...(path === STATELY && { connection: 'Upgrade', upgrade: 'websocket' }),
    }
    const left = get(`http://${url}${path}`, { headers }).on('error', () => {})
    await vi.waitFor(() => expect(waiting).toHaveBeenCalled())
    left.destroy()
    // From a connection that may become a WebSocket nothing is read until it does.
    if (path === STATELY) server.closeAllConnections()
    await expect.poll(() => count(server)).toBe(0)
    gate.resolve()
    await settled(asked)
    expect(asked).toEqual([])
  })

  test('goes on with another owner, and says that frames may be lost', async () => {
    const answers: (Watched | RollcallError)[] = [
      BEGUN,
      new RollcallError('RC_SHARD_LOST'),
      { frames: [], lost: null, next: 'b:0' },
    ]
    const { url, time } = await busy(answering(answers))
    const { told } = await eventStream(`http://${url}${PAGE}`)
    await vi.waitFor(async () => {
      await time.advance(500)
      expect(told).toEqual([{ event: 'lost', data: { frames: null } }])
    })
  })

  test("brings the actor to Stately's inspector anew where frames are lost", async () => {
    const { url } = await busy(answering([BEGUN, { frames: [FRAME], lost: 7, next: 'a:9' }]))
    const socket = new WebSocket(`ws://${url}${STATELY}`)
    onTestFinished(() => socket.terminate())
    const types: string[] = []
    socket.on('message', data => types.push(JSON.parse(String(data)).type))
    await vi.waitFor(() => expect(types.at(-1)).toBe('@xstate.snapshot'))
    expect(types).toEqual(['@xstate.actor', '@xstate.actor', '@xstate.event', '@xstate.snapshot'])
  })

  test('ends with the reason where it cannot go on', async () => {
    const { url } = await busy(answering([BEGUN, new RollcallError('RC_TOO_MANY_WATCHED')]))
    const response = await fetch(`http://${url}${PAGE}`)
    expect(await response.text()).toMatch(/^: watching\n\nevent: error\ndata: \{"code":"RC_TOO_MANY_WATCHED",.*\}\n\n$/)
  })

  test('is refused, with its status, where it cannot begin', async () => {
    const { url } = await busy(answering([new RollcallError('RC_TOO_MANY_WATCHED')]))
    expect((await fetch(`http://${url}${PAGE}`)).status).toBe(503)
  })

  test('has no answer to HEAD', async () => {
    const { url } = await busy()
    expect((await fetch(`http://${url}${PAGE}`, { method: 'HEAD' })).status).toBe(404)
  })

  test('is one of 64 at most of a process', async () => {
    const { url } = await busy(async (_partition, _kind, _key, after) => (after === null ? BEGUN : NEVER))
    const aborts = Array.from({ length: 64 }, () => new AbortController())
    const open = await Promise.all(aborts.map(({ signal }) => fetch(`http://${url}${PAGE}`, { signal })))
    expect(new Set(open.map(({ status }) => status))).toEqual(new Set([200]))
    const refused = await fetch(`http://${url}${PAGE}`)
    expect([refused.status, await refused.json()]).toEqual([
      503,
      expect.objectContaining({ code: 'RC_TOO_MANY_WATCHED' }),
    ])
    for (const abort of aborts) abort.abort()
    await expect.poll(async () => (await fetch(`http://${url}${PAGE}`, { method: 'GET' })).status).toBe(200)
  })
})

describe('a connection that asked for a WebSocket', () => {
  test('is closed with its refusal, whether its reader closes its own half or not', async () => {
    const { url, server } = await busy()
    const [host, port] = url.split(':') as [string, string]
    const socket = connect({ port: Number(port), host, allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    const asks = 'Connection: Upgrade\r\nUpgrade: websocket'
    socket.resume().write(`GET /inspect/stately HTTP/1.1\r\nHost: ${url}\r\n${asks}\r\n\r\n`)
    await once(socket, 'end')
    await expect.poll(() => count(server)).toBe(0)
  })

  test('is closed with all others, also where its reader answers nothing', async () => {
    const { url, server } = await busy()
    const socket = new WebSocket(`ws://${url}${STATELY}`)
    onTestFinished(() => socket.terminate())
    await once(socket, 'open')
    socket.pause()
    server.closeAllConnections()
    await expect.poll(() => count(server)).toBe(0)
  })
})
