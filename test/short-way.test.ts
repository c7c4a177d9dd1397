import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { InFlight } from '../src/bridge/http/in-flight.ts'
import type { Taken } from '../src/bridge/intake.ts'
import { RollcallError } from '../src/errors.ts'
import { Positions } from '../src/log/positions.ts'
import { doors, NOW, SECRET, tokenOf } from './support/doors.ts'

const RATES = { ROLLCALL_RATE_LIMIT: '60', ROLLCALL_RATE_RECORDS: '400', ROLLCALL_RATE_BYTES: '400000' }
const TOKENS: Record<string, string> = {}

type Found = (error: Error | null, found: string | LookupAddress[]) => void

/** A request as it goes over the wire. */
interface Sent {
  as?: string
  method?: string
  path?: string
  headers?: Record<string, string>
  body?: unknown
  /** pieces in which the body comes */
  pieces?: number
  isChunked?: boolean
}

const beat = (userId: string, more: object = {}) => ({ userId, path: '/live/s', at: NOW, ...more })
const beats = (count: number, userId = 'ann') => Array.from({ length: count }, () => beat(userId))

const SENT: Record<string, Sent> = {
  'a heartbeat': { as: 'ann', body: beat('ann') },
  'heartbeats of one user': { as: 'ann', body: beats(100) },
  'heartbeats of many': { as: 'service', body: [beat('a', { country: 'tw', groups: ['x'] }), beat('ü', { at: null })] },
  'more than the turn takes': { as: 'service', body: beats(1_000) },
  'a body in pieces': { as: 'ann', body: beats(20), pieces: 7 },
  'a body in chunks': { as: 'ann', body: beats(20), pieces: 3, isChunked: true },
  'an own charset': { as: 'ann', body: beat('ann'), headers: { 'content-type': 'application/json; charset=utf-8' } },
  'a charset in capitals': {
    as: 'ann',
    body: beat('ann'),
    headers: { 'content-type': 'Application/JSON;charset="UTF-8"' },
  },
  'another charset': { as: 'ann', body: beat('ann'), headers: { 'content-type': 'application/json; charset=latin1' } },
  'another type': { as: 'ann', body: beat('ann'), headers: { 'content-type': 'text/plain' } },
  'a compressed body': { as: 'ann', body: beat('ann'), headers: { 'content-encoding': 'gzip' } },
  'an escape': { as: 'ann', body: '{"userId":"\\u0061nn","path":"/"}' },
  'a field that is unknown': { as: 'ann', body: { ...beat('ann'), more: 1 } },
  'a forbidden field': { as: 'ann', body: '{"userId":"ann","path":"/","__proto__":{"at":1}}' },
  'no token': { body: beat('ann') },
  'a wrong token': { as: 'wrong', body: beat('ann') },
  'a token that has ended': { as: 'ended', body: beat('ann') },
  'no words': { body: '' },
  'no body': { as: 'ann', body: '' },
  'no JSON': { as: 'ann', body: '[{"userId":"ann"' },
  'no UTF-8': { as: 'ann', body: Buffer.from([0x22, 0xff, 0x22]) },
  'a mark of the byte order': { as: 'ann', body: `\ufeff${JSON.stringify(beat('ann'))}` },
  'no heartbeat': { as: 'ann', body: 'null' },
  'no heartbeats': { as: 'ann', body: '[]' },
  faults: { as: 'ann', body: [beat('ann'), { userId: '', path: 1 }, beat('ann', { groups: [''] })] },
  'times to come': { as: 'ann', body: [beat('ann'), beat('ann', { at: NOW + 60_001 })] },
  'times long ago': { as: 'ann', body: beat('ann', { at: 1 }) },
  'one of somebody else': { as: 'ann', body: [beat('ann'), beat('ben')] },
  'more than a user may': { as: 'ann', body: beats(101) },
  'more than anybody may': { as: 'service', body: beats(1_001) },
  'a body that is too large': { as: 'service', body: Buffer.alloc(1_048_577, 0x20) },
  'a body as large as may be': { as: 'service', body: Buffer.alloc(1_048_576, 0x20) },
  'a page of elsewhere': { as: 'ann', body: beat('ann'), headers: { origin: 'https://elsewhere.example' } },
  'a page of here': { as: 'ann', body: beat('ann'), headers: { origin: 'http://localhost:1' } },
  'a page of another site': { as: 'ann', body: beat('ann'), headers: { 'sec-fetch-site': 'cross-site' } },
  'another host': { as: 'ann', body: beat('ann'), headers: { host: 'elsewhere.example' } },
  'a query': { as: 'ann', path: '/heartbeats?x=1', body: beat('ann') },
  'another method': { as: 'ann', method: 'PUT', body: beat('ann') },
  'a country of the edge': { as: 'ben', body: beat('ben'), headers: { 'cf-ipcountry': 'fr' } },
}

beforeAll(async () => {
  for (const [name, claims] of Object.entries({
    ...{ ann: { sub: 'ann' }, ben: { sub: 'ben' }, service: { scope: 'service' } },
    ended: { sub: 'ann', exp: NOW / 1_000 - 600 },
  }))
    TOKENS[name] = await tokenOf(claims)
  TOKENS.wrong = await tokenOf({ sub: 'ann' }, 'another secret of thirty-two letters')
})

/** The answer, but for the date, in the order of its lines. */
async function answerOf(port: number, sent: Sent): Promise<string[]> {
  const { as, method = 'POST', path = '/heartbeats', headers = {}, body, pieces = 1, isChunked = false } = sent
  const bytes = Buffer.from(Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body))
  const socket = connect(port, '127.0.0.1')
  const closed = once(socket, 'close')
  const parts: string[] = []
  socket.on('data', data => parts.push(String(data))).on('error', () => {})
  const all = {
    ...{ host: 'localhost', connection: 'close', 'content-type': 'application/json' },
    ...(isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(bytes.length) }),
    ...(as && { authorization: `Bearer ${TOKENS[as]}` }),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  for (let n = 0; n < pieces && bytes.length > 0; n++) {
    const piece = bytes.subarray((n * bytes.length) / pieces, ((n + 1) * bytes.length) / pieces)
    socket.write(isChunked ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, CRLF]) : piece)
    if (pieces > 1) await pause(1)
  }
  if (isChunked) socket.write('0\r\n\r\n')
  await closed
  return linesOf(parts.join(''))
}

const CRLF = Buffer.from('\r\n')
const linesOf = (text: string): string[] =>
  text
    .split('\r\n')
    .filter(line => !line.toLowerCase().startsWith('date: '))
    .sort()

const opened: ReturnType<typeof doors>[] = []
afterEach(() => Promise.all(opened.splice(0).map(({ app }) => app.close())))

/** Two servers that differ in nothing but the way of heartbeats; and how many requests the first left to its routes. */
async function bothWays(env: Record<string, string>) {
  const [short, routed] = [doors(env), doors(env)]
  opened.push(short, routed)
  const { app } = routed
  app.server.removeAllListeners('request')
  app.server.on('request', (request, response) => {
    response.setHeader('rollcall-time', routed.steady.now())
    app.routing(request, response)
  })
  const left = vi.spyOn(short.app, 'routing')
  const listening = opened.map(async ({ app }) => {
    await app.listen({ port: 0, host: '127.0.0.1' })
    return (app.server.address() as { port: number }).port
  })
  const ports = await Promise.all(listening)
  const compare = async (sent: Sent, name: string): Promise<string[]> => {
    const [own, other] = [await answerOf(ports[0]!, sent), await answerOf(ports[1]!, sent)]
    expect(own, name).toEqual(other)
    expect(short.appended, name).toEqual(routed.appended)
    return own
  }
  return { short, routed, left, ports, compare }
}

describe.each([
  ['with tokens', { ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_COUNTRY_HEADER: 'cf-ipcountry', ...RATES }],
  ['without', RATES],
])('heartbeats past the routes, %s,', (_, env) => {
  test('are answered as by the routes, whatever is sent', async () => {
    const { short, routed, left, compare } = await bothWays(env)
    for (const [name, sent] of Object.entries(SENT)) await compare(sent, name)
    expect(left.mock.calls.length).toBeLessThan(Object.keys(SENT).length / 2)
    expect(short.appended.length).toBeGreaterThan(1_000)
    expect(short.faults.all).toEqual(routed.faults.all)
  })

  test('are answered as by the routes when the log takes none, or there is a fault', async () => {
    const { short, routed, left, compare } = await bothWays(env)
    for (const error of [
      new RollcallError('RC_LOG_UNAVAILABLE'),
      new RollcallError('RC_RATE_LIMITED', undefined, { retryAfterMs: 1_500 }),
      new Error('a fault'),
    ]) {
      for (const { bridge } of [short, routed]) vi.spyOn(bridge.intake, 'heartbeats').mockRejectedValueOnce(error)
      const answer = await compare({ as: 'ann', body: beat('ann') }, error.message)
      expect(answer.at(0)).toBe('')
    }
    expect(left).not.toHaveBeenCalled()
  })
})

describe('heartbeats past the routes', () => {
  test('are held against the limits of their sender', async () => {
    const { left, compare } = await bothWays({ ROLLCALL_AUTH_SECRET: SECRET, ...RATES, ROLLCALL_RATE_LIMIT: '10' })
    const answers: string[][] = []
    for (let n = 0; n < 13; n++) answers.push(await compare({ as: 'ann', body: beats(1) }, `request ${n}`))
    for (let n = 0; n < 13; n++) answers.push(await compare({ body: beats(1) }, `stranger ${n}`))
    for (let n = 0; n < 6; n++) answers.push(await compare({ as: 'ben', body: beats(99, 'ben') }, `records ${n}`))
    const codes = answers.map(lines => lines.find(line => line.startsWith('HTTP/1.1 '))!.slice(9, 12))
    expect([...new Set(codes)].sort()).toEqual(['202', '401', '429'])
    expect(codes.filter(code => code === '429')).toHaveLength(3 + 3 + 2)
    expect(left).not.toHaveBeenCalled()
  })

  test('take their turn on a connection, and are answered in it', async () => {
    const { short, ports } = await bothWays(RATES)
    const request = (userId: string): string => {
      const body = JSON.stringify(beat(userId))
      const head = `POST /heartbeats HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`
      return `${head}content-length: ${body.length}\r\n\r\n${body}`
    }
    const held = Promise.withResolvers<Taken>()
    const take = vi.spyOn(short.bridge.intake, 'heartbeats').mockReturnValueOnce(held.promise)
    const socket = connect(ports[0]!, '127.0.0.1')
    const ids = Array.from({ length: 20 }, (_, n) => `user-${n}`)
    socket.write(ids.map(request).join(''))
    await vi.waitFor(() => expect(take).toHaveBeenCalled())
    // Another connection does not wait, while nothing behind the first of this one is begun.
    await answerOf(ports[0]!, { body: beat('else') })
    expect(take).toHaveBeenCalledTimes(2)
    held.resolve({ accepted: 1, positions: new Positions(), faults: [] })
    const parts: string[] = []
    socket.on('data', data => parts.push(String(data)))
    await vi.waitFor(() => expect(parts.join('').match(/"accepted":1/g)).toHaveLength(20))
    socket.destroy()
    expect(short.appended.map(({ key }) => key)).toEqual(['else', ...ids.slice(1)])
  })

  test('of which the sender went are under way no longer', async () => {
    const add = vi.spyOn(InFlight.prototype, 'add')
    const { short, ports, left } = await bothWays(RATES)
    const socket = connect(ports[0]!, '127.0.0.1')
    const head = 'POST /heartbeats HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
    socket.write(`${head}content-length: 100\r\n\r\n{"userId"`)
    await vi.waitFor(() => expect(add).toHaveBeenCalled())
    const closed = once(add.mock.calls[0]![0], 'close')
    socket.destroy()
    await closed
    add.mockRestore()
    expect([short.appended, short.faults.all, left.mock.calls]).toEqual([[], [], []])
  })

  test('come that way where localhost has two addresses, on each that is listened on', async () => {
    const { app } = doors({})
    opened.push({ app } as (typeof opened)[number])
    const left = vi.spyOn(app, 'routing')
    const dns = process.getBuiltinModule('node:dns')
    const { lookup } = dns
    const two = vi.spyOn(dns, 'lookup').mockImplementation(((host: string, all: object, done: Found) => {
      if (host !== 'localhost') lookup(host, all, done)
      else
        done(
          null,
          ['127.0.0.1', '127.0.0.2'].map(address => ({ address, family: 4 })),
        )
    }) as unknown as typeof dns.lookup)
    await app.listen({ port: 0, host: 'localhost' })
    two.mockRestore()
    const addresses = (app.addresses() as AddressInfo[]).map(({ address, port }) => ({ host: address, port }))
    const said = async (text: string): Promise<string> => {
      const heard = []
      for (const address of addresses) {
        const socket = connect(address).setEncoding('utf8')
        socket.write(text)
        for await (const chunk of socket) heard.push(String(chunk))
      }
      return heard.join('\n')
    }
    const body = JSON.stringify(beat('ann'))
    const lines = [
      'POST /heartbeats HTTP/1.1',
      'host: localhost',
      'content-type: application/json',
      'connection: close',
    ]
    const taken = await said(`${lines.join('\r\n')}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    const refused = await said('nonsense\r\n\r\n')
    const count = (text: string, part: RegExp): number => text.match(part)?.length ?? 0
    expect(addresses.length).toBeGreaterThan(0)
    expect(count(taken, /^HTTP\/1.1 202/gm)).toBe(addresses.length)
    expect(count(refused, /RC_BAD_REQUEST/g)).toBe(addresses.length)
    expect(count(taken + refused, /^rollcall-time: /gim)).toBe(2 * addresses.length)
    expect(left).not.toHaveBeenCalled()
  })
})
