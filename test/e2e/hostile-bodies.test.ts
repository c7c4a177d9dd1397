import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { beat, expectClear, JSON_TYPE, LONG, NOW, standingServer } from '../support/hostile.ts'
import type { Body, Env, Reply } from '../support/server.ts'

const MIB = 1024 * 1024
const event = { sessionId: 'v', ts: NOW, page: '/' }

const standing = standingServer()

function expectFault(reply: Reply, index: number, path: string, code?: string): void {
  expectClear(reply, 400, 'RC_INVALID_INPUT')
  expect(reply.body.faults).toContainEqual({
    index,
    path,
    code: code ?? expect.stringMatching(/^[a-z_0-9]+$/),
    message: expect.any(String),
  })
}

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
      expectFault(await standing.server.post(path, body), 0, at, code)
    })
  }

  it('is refused with its place: a twenty-first goal', async () => {
    const { body: session } = await standing.server.post('/sessions', { userId: 'of-goals' })
    const goals = Array.from({ length: 21 }, (_, n) => ({ title: `goal ${n}`, price: n }))
    const set = (showGoalPairs: object[]) => standing.server.put(`/sessions/${session.id}/goals`, { showGoalPairs })
    expect((await set(goals.slice(1))).body.showGoalPairs).toHaveLength(20)
    expectFault(await set(goals), 0, 'showGoalPairs', 'too_big')
  })

  it('is named by its place in the list', async () => {
    expectFault(await standing.server.post('/heartbeats', [beat, beat, { ...beat, userId: 7 }]), 2, 'userId')
  })

  it('is listed beside all others', async () => {
    const { body } = await standing.server.post('/heartbeats', [{ path: '/' }, beat, { userId: 'u', path: 1, at: 'x' }])
    expect(body.faults.map((fault: Body) => `${fault.index} ${fault.path}`).sort()).toEqual([
      '0 userId',
      '2 at',
      '2 path',
    ])
  })

  it('takes the whole list with it', async () => {
    await standing.server.post('/heartbeats', [
      { userId: 'whole-list', path: '/' },
      { userId: 7, path: '/' },
    ])
    const { body } = await standing.server.get('/users/whole-list/viewing-sessions', { after: true })
    expect(body.viewingSessions).toEqual([])
  })
})

describe('a body that does not fit', () => {
  it('is refused as invalid: an empty list', async () => {
    expectClear(await standing.server.post('/heartbeats', []), 400, 'RC_INVALID_INPUT')
  })

  it('is refused as invalid: a list of 1,001', async () => {
    expectClear(await standing.server.post('/heartbeats', Array(1001).fill(beat)), 400, 'RC_INVALID_INPUT')
  })

  it('is refused as invalid: 1,001 web events', async () => {
    expectClear(await standing.server.post('/events', Array(1001).fill(event)), 400, 'RC_INVALID_INPUT')
  })

  it('is accepted up to a list of 1,000', async () => {
    const { status, body } = await standing.server.post('/heartbeats', Array(1000).fill(beat))
    expect([status, body]).toEqual([202, { accepted: 1000 }])
  })

  for (const body of ['null', '7', '"text"', 'true', '[[]]', '[null]', '[7]', '{}']) {
    it(`is refused as invalid: ${body}`, async () => {
      expectClear(await standing.raw('/heartbeats', body), 400, 'RC_INVALID_INPUT')
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
      expectClear(await standing.raw('/heartbeats', body), 400, 'RC_INVALID_JSON')
    })
  }

  for (const open of ['[', '{"a":']) {
    it(`is refused when ${open} is nested 200,000 deep`, async () => {
      const close = open === '[' ? ']' : '}'
      const reply = await standing.raw('/heartbeats', `${open.repeat(200_000)}1${close.repeat(200_000)}`)
      expect([reply.status, reply.body.code]).toEqual([
        expect.toSatisfy(s => s === 400 || s === 413),
        expect.stringMatching(/^RC_(INVALID_|BODY_)/),
      ])
    })
  }

  it('is refused when an unknown field of a user is nested 20,000 deep, or the field is dropped', async () => {
    const deep = `{"username":"deep","x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
    const reply = await standing.server.request('PUT', '/users/deep', deep, JSON_TYPE)
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
        await standing.raw('/heartbeats', JSON.stringify(beat), { 'content-type': type }),
        415,
        'RC_UNSUPPORTED_MEDIA_TYPE',
      )
    })
  }

  it('is accepted as application/json with a charset', async () => {
    const type = 'application/json; charset=utf-8'
    expect((await standing.raw('/heartbeats', JSON.stringify(beat), { 'content-type': type })).status).toBe(202)
  })
})

/** A large POST whose answer may come before all of it was sent. */
async function large(body: string, chunked = false, path = '/heartbeats'): Promise<{ status: number; body: Body }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Body }>()
  const length: Env = chunked ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const sending = request(
    (await standing.server.url) + path,
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
