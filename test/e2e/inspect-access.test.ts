import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { SignJWT } from 'jose'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { KINDS } from '../../actors/kinds.ts'
import { eventStream } from '../support/event-stream.ts'
import { type Server, startServer } from '../support/server.ts'

const SECRET = 'a secret of thirty-two characters'
const ACTOR = '/inspect/actors/viewer/ann'
const STATELY = '/inspect/stately?actor=viewer/ann'
const DATA = ['/inspect/actors', ACTOR, `${ACTOR}/live`, '/inspect/population/viewer', STATELY]
const SHELL = ['/inspect', '/inspect/page/inspector.js', '/inspect/page/inspector.css']

const tokenOf = (claims: object): Promise<string> =>
  new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 600, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(SECRET))

/** The status of an answer to a request with these headers, of which fetch sets some itself. */
async function statusOf(server: Server, path: string, headers: Record<string, string>): Promise<number> {
  const asked = request((await server.url) + path, { headers }).end()
  const [response] = await once(asked, 'response')
  response.destroy()
  return response.statusCode
}

/** The end of asking for a WebSocket: the protocol that it speaks, or the status of the refusal. */
async function socket(server: Server, { protocols = [] as string[], headers = {}, path = STATELY } = {}) {
  const to = new WebSocket((await server.url).replace('http', 'ws') + path, protocols, { headers })
  onTestFinished(() => to.terminate())
  const refused = once(to, 'unexpected-response').then(([, { statusCode }]) => statusCode as number)
  to.on('error', () => {})
  return Promise.race([refused, once(to, 'open').then(() => to.protocol || 'none')])
}

/** Asks for a WebSocket on a connection on which another request is not answered yet; comes to an end, whatever is answered. */
async function pipelined(server: Server): Promise<void> {
  const { hostname, port } = new URL(await server.url)
  const host = `Host: ${hostname}:${port}`
  const asks = `GET ${STATELY} HTTP/1.1\r\n${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {}).resume()
  socket.write(`GET /livez HTTP/1.1\r\n${host}\r\n\r\n${asks}`)
  await once(socket, 'close')
}

describe('the inspector with authentication', () => {
  let server: Server
  let [user, service, operator] = ['', '', '']

  beforeAll(async () => {
    server = await startServer({ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_ORIGINS: 'https://ops.example' })
    user = await tokenOf({ sub: 'ann' })
    service = await tokenOf({ scope: 'service' })
    operator = await tokenOf({ scope: 'operator' })
    const authorization = `Bearer ${user}`
    const { status } = await server.post('/heartbeats', { userId: 'ann', path: '/' }, { authorization })
    expect(status).toBe(202)
    await server.get(ACTOR, { after: true, headers: { authorization: `Bearer ${operator}` } })
  })

  test.each(SHELL)('gives %s to anybody, with a policy that lets it load nothing from elsewhere', async path => {
    const { status, headers } = await server.get(path)
    const policy = headers.get('content-security-policy')
    expect([status, headers.get('x-content-type-options'), headers.get('cache-control')]).toEqual([
      ...[200, 'nosniff', 'no-store'],
    ])
    for (const part of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"])
      expect(policy).toContain(part)
    expect(policy).not.toContain('unsafe')
  })

  test.each([
    '/inspect/page/index.ts',
    '/inspect/page/..%2F..%2Finspect.ts',
    '/inspect/page/constructor',
  ])('has no file %s', async path => expect((await server.get(path)).status).toBe(404))

  test.each(DATA)('gives %s to operators alone', async path => {
    const as = (token: string | null): Promise<number> =>
      statusOf(server, path, token === null ? {} : { authorization: `Bearer ${token}` })
    expect([await as(null), await as(user), await as(service)]).toEqual([401, 403, 403])
    expect(await as(operator)).toBe(path === STATELY ? 400 : 200)
  })

  test('opens a WebSocket to operators alone, whose token is a header or a protocol, and reaches no log', async () => {
    expect(await socket(server)).toBe(401)
    expect(await socket(server, { headers: { authorization: `Bearer ${user}` } })).toBe(403)
    expect(await socket(server, { headers: { authorization: `Bearer ${operator}` } })).toBe('none')
    expect(await socket(server, { protocols: ['rollcall', `bearer.${operator}`] })).toBe('rollcall')
    expect(await socket(server, { protocols: ['rollcall', `bearer.${service}`] })).toBe(403)
    expect(await socket(server, { protocols: ['rollcall', 'bearer.nonsense'] })).toBe(401)
    for (const token of [user, service, operator]) expect(server.output).not.toContain(token)
  })

  test('opens a WebSocket to its own page and those that are listed, and to no other', async () => {
    const from = (origin: string) => socket(server, { headers: { authorization: `Bearer ${operator}`, origin } })
    expect(await from(await server.url)).toBe('none')
    expect(await from('https://ops.example')).toBe('none')
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1']) expect(await from(origin)).toBe(403)
  })

  test('refuses a WebSocket to what is not there, as any other request', async () => {
    const headers = { authorization: `Bearer ${operator}` }
    const asked = ['viewer/nobody', 'nonsense/ann', 'viewer', 'viewer/'].map(actor => `/inspect/stately?actor=${actor}`)
    const statuses = []
    for (const path of asked) statuses.push(await socket(server, { headers, path }))
    expect(statuses).toEqual([404, 404, 400, 400])
  })

  test('outlives a WebSocket that is asked for before the request before it is answered', async () => {
    await pipelined(server)
    expect((await server.get('/livez')).status).toBe(200)
  })

  test('sends a caller no more than 16 streams at once', async () => {
    const headers = { authorization: `Bearer ${operator}` }
    const url = `${await server.url}${ACTOR}/live`
    const open = await Promise.all(Array.from({ length: 16 }, () => eventStream(url, headers)))
    expect(open.map(({ status }) => status)).toEqual(Array(16).fill(200))
    expect((await eventStream(url, headers)).status).toBe(503)
    open[0]!.end()
    await expect.poll(async () => (await eventStream(url, headers)).status).toBe(200)
  })
})

describe('the inspector without authentication', () => {
  let server: Server
  beforeAll(async () => {
    server = await startServer()
    await server.post('/heartbeats', { userId: 'ann', path: '/' })
    await server.get(ACTOR, { after: true })
  })

  test.each([...SHELL, ...DATA])('answers %s to this machine alone, whatever leads here', async path => {
    expect(await statusOf(server, path, {})).toBe(path === STATELY ? 400 : 200)
    expect(await statusOf(server, path, { host: 'evil.example' })).toBe(403)
    expect(await statusOf(server, path, { origin: 'https://evil.example' })).toBe(403)
    expect(await statusOf(server, path, { 'sec-fetch-site': 'cross-site' })).toBe(403)
  })

  test('leads to every kind of actor that there is', async () => {
    const shell = await fetch(`${await server.url}/inspect`)
    expect(shell.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const text = await shell.text()
    for (const { kind } of KINDS) expect(text).toContain(`<a href="#/${kind}" data-kind="${kind}">${kind}</a>`)
  })

  test('opens a WebSocket to pages of this machine alone', async () => {
    expect(await socket(server)).toBe('none')
    expect(await socket(server, { headers: { origin: await server.url } })).toBe('none')
    expect(await socket(server, { headers: { origin: 'https://stately.ai' } })).toBe(403)
    expect(await socket(server, { headers: { host: 'evil.example' } })).toBe(403)
  })

  test('outlives a WebSocket that is asked for before the request before it is answered', async () => {
    await pipelined(server)
    expect((await server.get('/livez')).status).toBe(200)
  })
})
