import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { beat, dial, expectClear, LONG, standingServer } from '../support/hostile.ts'
import { inParallel } from '../support/server.ts'

const standing = standingServer()

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
      expectClear(await standing.server.request(method, path), 404, 'RC_NOT_FOUND')
    })
  }

  for (const path of ['/users/%zz', '/users/%', '/sessions/%C3%28']) {
    it(`is refused: GET ${path}`, async () => {
      expectClear(
        await standing.server.get(path),
        400,
        expect.stringMatching(/^RC_(BAD_REQUEST|INVALID_INPUT)$/) as never,
      )
    })
  }

  for (const path of [
    `/users/${LONG}`,
    `/sessions/${LONG}`,
    `/web-sessions/${LONG}`,
    `/users/${LONG}/viewing-sessions`,
  ]) {
    it(`is refused or not found: GET ${path.replace(LONG, '<10 kB>')}`, async () => {
      const { status, body } = await standing.server.get(path)
      expect([status, body]).toEqual([
        expect.toSatisfy(s => [400, 404, 414].includes(s)),
        expect.objectContaining({ code: expect.stringMatching(/^RC_/), message: expect.any(String) }),
      ])
    })
  }

  it('is refused: PUT of a user whose id has 10 kB', async () => {
    const { status, body } = await standing.server.put(`/users/${LONG}`, { username: 'x' })
    expect([status, body.code]).toEqual([
      expect.toSatisfy(s => [400, 404, 414].includes(s)),
      expect.stringMatching(/^RC_/),
    ])
  })

  it('is refused: PUT of a user with a NUL in its id', async () => {
    expectClear(await standing.server.put('/users/a%00b', { username: 'x' }), 400, 'RC_INVALID_INPUT')
  })

  for (const path of [
    '/statistics?from=yesterday&to=2',
    '/web-sessions',
    '/web-sessions?visitor=v&day=yesterday',
    '/web-sessions?visitor=v&day=2020-13-45',
    '/sessions?active=perhaps',
  ]) {
    it(`is refused: GET ${path}`, async () => {
      expectClear(await standing.server.get(path), 400, 'RC_INVALID_INPUT')
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
      expectClear(
        await standing.server.get('/viewers', { headers: { 'rollcall-after': position } }),
        400,
        'RC_INVALID_POSITION',
      )
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

/** Writes it to a connection of its own and gives back all the server says before it closes or answers. */
async function talk(text: string): Promise<string> {
  const socket = await dial(standing.server)
  const answer = new Promise<string>(resolve => {
    socket.once('data', data => resolve(String(data)))
    socket.once('close', () => resolve('closed without an answer'))
  })
  socket.write(text)
  const said = await answer
  socket.destroy()
  return said
}

describe('many at once', () => {
  it('leaves normal requests alone while 2,000 connections stay half open', async () => {
    const open: Socket[] = []
    try {
      await inParallel(50, Array(2000).keys(), async i => {
        const socket = await dial(standing.server)
        open.push(socket)
        socket.write('POST /heartbeats HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n')
        if (i % 2 === 0) socket.write('content-length: 1000\r\n\r\n{"userId":')
      })
      const statuses = new Set<number>()
      for (let i = 0; i < 50; i++) statuses.add((await standing.server.post('/heartbeats', beat)).status)
      const { status } = await standing.server.get('/viewers', { after: true })
      expect([...statuses, status]).toEqual([202, 200])
    } finally {
      for (const socket of open) socket.destroy()
    }
  })

  it('keeps its memory through thousands of bad requests', async () => {
    const resident = (): number => {
      const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${standing.server.pid}/status`, 'utf8'))
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
        const { status } = await standing.raw(path, body)
        if (status < 400 || status > 499) throw new Error(`${path}: ${status}`)
      })
    // Until the heap has grown to what such requests need at a time.
    await send(3_000)
    const before = resident()
    await send(5_000)
    expect(resident() - before).toBeLessThan(150)
  })
})
