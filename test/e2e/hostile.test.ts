import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Body, type Env, inParallel, type Reply, type Server, startServer } from '../support/server.ts'

const MIB = 1024 * 1024
const JSON_TYPE = { 'content-type': 'application/json' }
const NOW = Date.now()

let server: Server
let pid: number

beforeAll(async () => {
  server = await startServer()
  pid = server.pid
})

afterEach(async () => {
  expect([server.pid, (await server.get('/livez')).status]).toEqual([pid, 200])
})

const raw = (path: string, body: string, headers: Env = JSON_TYPE) => server.request('POST', path, body, headers)

/** Clear to whoever sent it: a status below 500, a stable code, a sentence. */
function expectClear(reply: { status: number; body: Body }, status: number, code: string): void {
  expect([reply.status, reply.body]).toEqual([
    status,
    expect.objectContaining({ code, message: expect.stringMatching(/\w+ \w+/) }),
  ])
}

function expectFault(reply: Reply, index: number, path: string, code?: string): void {
  expectClear(reply, 400, 'RC_INVALID_INPUT')
  expect(reply.body.faults).toContainEqual({
    index,
    path,
    code: code ?? expect.stringMatching(/^[a-z_0-9]+$/),
    message: expect.any(String),
  })
}

const beat = { userId: 'u', path: '/' }
const event = { sessionId: 'v', ts: NOW, page: '/' }
const LONG = 'x'.repeat(10_000)

describe('a field that does not fit', () => {
  const faults: [name: string, path: string, body: unknown, at: string, code?: string][] = [
    ['a user id that is a number', '/heartbeats', { ...beat, userId: 7 }, 'userId'],
    ['a user id that is null', '/heartbeats', { ...beat, userId: null }, 'userId'],
    ['a user id that is empty', '/heartbeats', { ...beat, userId: '' }, 'userId'],
    ['a user id of 10 kB', '/heartbeats', { ...beat, userId: LONG }, 'userId'],
    ['a user id of 86 characters and 258 bytes', '/heartbeats', { ...beat, userId: '€'.repeat(86) }, 'userId'],
    ['no path', '/heartbeats', { userId: 'u' }, 'path'],
    ['a path that is a list', '/heartbeats', { ...beat, path: ['/'] }, 'path'],
    ['a path of 10 kB', '/heartbeats', { ...beat, path: `/${LONG}` }, 'path'],
    ['groups that are a word', '/heartbeats', { ...beat, groups: 'free' }, 'groups'],
    ['a group that is a number', '/heartbeats', { ...beat, groups: ['a', 1] }, 'groups.1'],
    ['a country that is a number', '/heartbeats', { ...beat, country: 49 }, 'country'],
    ['a time in words', '/heartbeats', { ...beat, at: 'now' }, 'at'],
    ['half a millisecond', '/heartbeats', { ...beat, at: NOW + 0.5 }, 'at'],
    ['a time in seconds', '/heartbeats', { ...beat, at: Math.floor(NOW / 1000) }, 'at'],
    ['a time before the epoch', '/heartbeats', { ...beat, at: -1 }, 'at'],
    ['a time in the future', '/heartbeats', { ...beat, at: NOW + 3_600_000 }, 'at', 'in_future'],
    ['no visitor', '/events', { ts: NOW, page: '/' }, 'sessionId'],
    ['a visitor of 10 kB', '/events', { ...event, sessionId: LONG }, 'sessionId'],
    ['an event id of 10 kB', '/events', { ...event, id: LONG }, 'id'],
    ['a page of 10 kB', '/events', { ...event, page: LONG }, 'page'],
    ['no page', '/events', { sessionId: 'v', ts: NOW }, 'page'],
    ['a ts in words', '/events', { ...event, ts: String(NOW) }, 'ts'],
    ['a ts in seconds', '/events', { ...event, ts: Math.floor(NOW / 1000) }, 'ts'],
    ['a ts in the future', '/events', { ...event, ts: NOW + 3_600_000 }, 'ts', 'in_future'],
    ['a ts beyond all dates', '/events', { ...event, ts: 1e300 }, 'ts'],
    ['a source that is a word', '/events', { ...event, source: 'google' }, 'source'],
    ['a medium that is a number', '/events', { ...event, source: { source: 'google', medium: 1 } }, 'source.medium'],
    ['a streamer of 10 kB', '/sessions', { userId: LONG }, 'userId'],
    ['a title that is an object', '/sessions', { userId: 'u', title: {} }, 'title'],
    ['a NUL in a user id', '/heartbeats', { ...beat, userId: 'a\0b' }, 'userId'],
    ['a NUL in a visitor', '/events', { ...event, sessionId: 'a\0b' }, 'sessionId'],
    ['a NUL in an event id', '/events', { ...event, id: 'a\0b' }, 'id'],
    ['half a character in a user id', '/heartbeats', { ...beat, userId: 'a\ud800' }, 'userId'],
    ['half a character in a visitor', '/events', { ...event, sessionId: '\udc00a' }, 'sessionId'],
  ]
  for (const [name, path, body, at, code] of faults) {
    it(`is refused with its place, ${path}: ${name}`, async () => {
      expectFault(await server.post(path, body), 0, at, code)
    })
  }

  it('is named by its place in the list', async () => {
    expectFault(await server.post('/heartbeats', [beat, beat, { ...beat, userId: 7 }]), 2, 'userId')
  })

  it('is listed beside all others', async () => {
    const { body } = await server.post('/heartbeats', [{ path: '/' }, beat, { userId: 'u', path: 1, at: 'x' }])
    expect(body.faults.map((fault: Body) => `${fault.index} ${fault.path}`).sort()).toEqual([
      '0 userId',
      '2 at',
      '2 path',
    ])
  })

  it('takes the whole list with it', async () => {
    await server.post('/heartbeats', [
      { userId: 'whole-list', path: '/' },
      { userId: 7, path: '/' },
    ])
    const { body } = await server.get('/users/whole-list/viewing-sessions', { after: true })
    expect(body.viewingSessions).toEqual([])
  })
})

describe('a body that does not fit', () => {
  it('is refused as invalid: an empty list', async () => {
    expectClear(await server.post('/heartbeats', []), 400, 'RC_INVALID_INPUT')
  })

  it('is refused as invalid: a list of 1,001', async () => {
    expectClear(await server.post('/heartbeats', Array(1001).fill(beat)), 400, 'RC_INVALID_INPUT')
  })

  it('is refused as invalid: 1,001 web events', async () => {
    expectClear(await server.post('/events', Array(1001).fill(event)), 400, 'RC_INVALID_INPUT')
  })

  it('is accepted up to a list of 1,000', async () => {
    const { status, body } = await server.post('/heartbeats', Array(1000).fill(beat))
    expect([status, body]).toEqual([202, { accepted: 1000 }])
  })

  for (const body of ['null', '7', '"text"', 'true', '[[]]', '[null]', '[7]', '{}']) {
    it(`is refused as invalid: ${body}`, async () => {
      expectClear(await raw('/heartbeats', body), 400, 'RC_INVALID_INPUT')
    })
  }

  for (const body of [
    '{',
    '{"userId":"u",}',
    "{'userId':'u'}",
    'userId=u',
    '\ufeff{',
    '{"userId":"u","path":"/"}}',
    '',
  ]) {
    it(`is refused as no JSON: ${JSON.stringify(body)}`, async () => {
      expectClear(await raw('/heartbeats', body), 400, 'RC_INVALID_JSON')
    })
  }

  for (const open of ['[', '{"a":']) {
    it(`is refused when ${open} is nested 200,000 deep`, async () => {
      const close = open === '[' ? ']' : '}'
      const reply = await raw('/heartbeats', `${open.repeat(200_000)}1${close.repeat(200_000)}`)
      expect([reply.status, reply.body.code]).toEqual([
        expect.toSatisfy(s => s === 400 || s === 413),
        expect.stringMatching(/^RC_(INVALID_|BODY_)/),
      ])
    })
  }

  it('is refused when an unknown field of a user is nested 20,000 deep, or the field is dropped', async () => {
    const deep = `{"username":"deep","x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
    const reply = await server.request('PUT', '/users/deep', deep, JSON_TYPE)
    expect(reply.status).toBeLessThan(500)
  })

  it('is refused over 1 MiB', async () => {
    expectClear(await large(`{"userId":"u","path":"${'x'.repeat(MIB)}"}`), 413, 'RC_BODY_TOO_LARGE')
  })

  it('is refused over 1 MiB when its length is not told', async () => {
    expectClear(await large(`{"userId":"u","path":"${'x'.repeat(MIB)}"}`, true), 413, 'RC_BODY_TOO_LARGE')
  })

  it('is refused over 1 MiB on every other route', async () => {
    const statuses: unknown[] = []
    for (const path of ['/events', '/sessions', '/earnings'])
      statuses.push((await large(' '.repeat(MIB + 1), false, path)).status)
    expect(statuses).toEqual([413, 413, 413])
  })

  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
  ]) {
    it(`is refused as ${type}`, async () => {
      expectClear(
        await raw('/heartbeats', JSON.stringify(beat), { 'content-type': type }),
        415,
        'RC_UNSUPPORTED_MEDIA_TYPE',
      )
    })
  }

  it('is accepted as application/json with a charset', async () => {
    const type = 'application/json; charset=utf-8'
    expect((await raw('/heartbeats', JSON.stringify(beat), { 'content-type': type })).status).toBe(202)
  })
})

/** A large POST whose answer may come before all of it was sent. */
async function large(body: string, chunked = false, path = '/heartbeats'): Promise<{ status: number; body: Body }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Body }>()
  const length: Env = chunked ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const sending = request(
    (await server.url) + path,
    { method: 'POST', headers: { ...JSON_TYPE, ...length } },
    response => {
      let text = ''
      response.on('data', data => {
        text += data
      })
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) })
        sending.destroy()
      })
      response.on('error', reject)
    },
  )
  sending.on('error', reject)
  sending.end(body)
  return promise
}

describe('a request that does not fit', () => {
  const unknown: [method: string, path: string][] = [
    ['GET', '/nothing'],
    ['GET', '/heartbeats'],
    ['POST', '/viewers'],
    ['DELETE', '/sessions'],
    ['PATCH', '/users/u'],
    ['GET', '/users/u/nothing'],
    ['GET', '//'],
    ['GET', '/../../etc/passwd'],
  ]
  for (const [method, path] of unknown) {
    it(`is not found: ${method} ${path}`, async () => {
      expectClear(await server.request(method, path), 404, 'RC_NOT_FOUND')
    })
  }

  for (const path of ['/users/%zz', '/users/%', '/sessions/%C3%28']) {
    it(`is refused: GET ${path}`, async () => {
      expectClear(await server.get(path), 400, expect.stringMatching(/^RC_(BAD_REQUEST|INVALID_INPUT)$/) as never)
    })
  }

  for (const path of [
    `/users/${LONG}`,
    `/sessions/${LONG}`,
    `/web-sessions/${LONG}`,
    `/users/${LONG}/viewing-sessions`,
  ]) {
    it(`is refused or not found: GET ${path.replace(LONG, '<10 kB>')}`, async () => {
      const { status, body } = await server.get(path)
      expect([status, body]).toEqual([
        expect.toSatisfy(s => [400, 404, 414].includes(s)),
        expect.objectContaining({ code: expect.stringMatching(/^RC_/), message: expect.any(String) }),
      ])
    })
  }

  it('is refused: PUT of a user whose id has 10 kB', async () => {
    const { status, body } = await server.put(`/users/${LONG}`, { username: 'x' })
    expect([status, body.code]).toEqual([
      expect.toSatisfy(s => [400, 404, 414].includes(s)),
      expect.stringMatching(/^RC_/),
    ])
  })

  it('is refused: PUT of a user with a NUL in its id', async () => {
    expectClear(await server.put('/users/a%00b', { username: 'x' }), 400, 'RC_INVALID_INPUT')
  })

  for (const path of [
    '/statistics?from=yesterday&to=2',
    '/web-sessions',
    '/web-sessions?visitor=v&day=yesterday',
    '/web-sessions?visitor=v&day=2020-13-45',
    '/sessions?active=perhaps',
  ]) {
    it(`is refused: GET ${path}`, async () => {
      expectClear(await server.get(path), 400, 'RC_INVALID_INPUT')
    })
  }

  for (const position of [
    'x',
    '1',
    '1-',
    '-1',
    '1-2-3',
    '1-2;3-4',
    '1-2,',
    'a-1',
    '1-b',
    '-1-2',
    '1--2',
    '1-2.5',
    '1-1e3',
    '0x1-1',
    '99-1',
    '0-99999999999999999999',
  ]) {
    it(`is refused: Rollcall-After: ${position}`, async () => {
      expectClear(await server.get('/viewers', { headers: { 'rollcall-after': position } }), 400, 'RC_INVALID_POSITION')
    })
  }

  it('is refused: headers of 100 kB', async () => {
    const answer = await talk(`GET /viewers HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(100_000)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1.1 4\d\d /)
  })

  it('is refused: no HTTP at all', async () => {
    expect(await talk('hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
  })

  it('is refused: a length and chunks at once', async () => {
    const lines = [
      'POST /heartbeats HTTP/1.1',
      'host: x',
      'content-type: application/json',
      'content-length: 4',
      'transfer-encoding: chunked',
    ]
    expect(await talk(`${lines.join('\r\n')}\r\n\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /)
  })
})

async function dial(): Promise<Socket> {
  const { hostname, port } = new URL(await server.url)
  const socket = connect(Number(port), hostname.replace(/[[\]]/g, ''))
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  socket.on('error', () => {})
  return socket
}

/** Writes it to a connection of its own and gives back all the server says before it closes or answers. */
async function talk(text: string): Promise<string> {
  const socket = await dial()
  const answer = new Promise<string>(resolve => {
    socket.once('data', data => resolve(String(data)))
    socket.once('close', () => resolve('closed without an answer'))
  })
  socket.write(text)
  const said = await answer
  socket.destroy()
  return said
}

describe('names that mean something in JavaScript', () => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString']

  it('are viewers like all others', async () => {
    const own = await startServer()
    await own.post(
      '/heartbeats',
      names.map(userId => ({ userId, path: '/', at: NOW })),
    )
    const answers = []
    for (const userId of names) {
      answers.push((await own.get(`/users/${userId}/viewing-sessions`, { after: true })).body.viewingSessions)
    }
    expect(answers).toEqual(names.map(userId => [{ id: `${userId}-${NOW}`, start: NOW, end: NOW }]))
  })

  it('are streams like all others', async () => {
    const own = await startServer()
    await own.post(
      '/heartbeats',
      names.map(name => ({ userId: name, path: `/sessions/${name}`, at: NOW })),
    )
    const { body } = await own.get('/viewers', { after: true })
    expect(Object.entries(body.bySession).sort()).toEqual(names.map(name => [name, { alive: 1, attendance: 1 }]).sort())
  })

  it('are groups like all others', async () => {
    const own = await startServer()
    await own.post('/heartbeats', { userId: 'u', path: '/', at: NOW, groups: names })
    const { body } = await own.get('/statistics?from=0&to=9999999999999', { after: true })
    expect(Object.entries(body.records[0].countByUserGroup).sort()).toEqual(names.map(name => [name, 1]).sort())
  })

  it('are visitors and event ids like all others', async () => {
    await server.deliver(
      '/events',
      names.flatMap(sessionId => names.map(id => ({ sessionId, id, ts: 1_600_000_000_000, page: '/' }))),
    )
    const answers = []
    for (const name of names) {
      const { body } = await server.get(`/web-sessions?visitor=${name}&day=2020-09-13`, { after: true })
      answers.push(body.webSessions.map((session: Body) => [session.id, session.eventIds]))
    }
    expect(answers).toEqual(names.map(name => [[`${name}-2020-09-13`, [...names].sort()]]))
  })

  it('are streamers like all others', async () => {
    const statuses = []
    for (const userId of names) statuses.push((await server.post('/sessions', { userId })).status)
    for (const userId of names) statuses.push((await server.post('/sessions', { userId })).status)
    expect(statuses).toEqual([201, 201, 201, 201, 200, 200, 200, 200])
  })

  it('are users like all others', async () => {
    for (const id of names) await server.put(`/users/${id}`, { username: `name of ${id}` })
    const answers = []
    for (const id of names) answers.push((await server.get(`/users/${id}`)).body.username)
    expect(answers).toEqual(names.map(id => `name of ${id}`))
  })

  it('find nothing where nothing is', async () => {
    const statuses = []
    for (const name of names) statuses.push((await server.get(`/sessions/${name}`)).status)
    expect(statuses).toEqual([404, 404, 404, 404])
  })

  for (const body of [
    '{"userId":"polluted","path":"/","__proto__":{"country":"XX","polluted":true}}',
    '{"userId":"polluted","path":"/","constructor":{"prototype":{"polluted":true}}}',
    '{"__proto__":{"userId":"polluted","path":"/"}}',
  ]) {
    it(`are dropped or refused as fields: ${body}`, async () => {
      const sent = await raw('/heartbeats', body)
      expect(sent.status).toBeLessThan(500)
      const { status } = await server.put(
        '/users/clean',
        JSON.parse('{"username":"clean","__proto__":{"country":"XX"}}'),
      )
      expect(status).toBeLessThan(500)
      expect((await server.get('/users/clean')).body.country ?? null).toBeNull()
    })
  }
})

describe('many at once', () => {
  it('leaves normal requests alone while 2,000 connections stay half open', async () => {
    const open: Socket[] = []
    try {
      await inParallel(50, Array(2000).keys(), async i => {
        const socket = await dial()
        open.push(socket)
        socket.write('POST /heartbeats HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n')
        if (i % 2 === 0) socket.write('content-length: 1000\r\n\r\n{"userId":')
      })
      const statuses = new Set<number>()
      for (let i = 0; i < 50; i++) statuses.add((await server.post('/heartbeats', beat)).status)
      const { status } = await server.get('/viewers', { after: true })
      expect([...statuses, status]).toEqual([202, 200])
    } finally {
      for (const socket of open) socket.destroy()
    }
  })

  it('keeps its memory through thousands of bad requests', async () => {
    const resident = (): number => {
      const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))
      return Number(line?.[1]) / 1024
    }
    const bad: [path: string, body: string][] = [
      ['/heartbeats', '{'],
      ['/heartbeats', JSON.stringify({ ...beat, userId: LONG })],
      ['/heartbeats', JSON.stringify(Array(1001).fill(beat))],
      ['/events', JSON.stringify(Array(100).fill({ ts: 1, page: LONG.slice(0, 1000) }))],
      ['/sessions', '[]'],
      [`/nothing/${LONG.slice(0, 2000)}`, '{}'],
      ['/sessions/none/ratings', '{"userId":"u","score":3}'],
    ]
    const send = (times: number) =>
      inParallel(16, Array(times).keys(), async i => {
        const [path, body] = bad[i % bad.length] as [string, string]
        const { status } = await raw(path, body)
        if (status < 400 || status > 499) throw new Error(`${path}: ${status}`)
      })
    // Until the heap has grown to what such requests need at a time.
    await send(3_000)
    const before = resident()
    await send(5_000)
    expect(resident() - before).toBeLessThan(150)
  })
})
