import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { ended, type Ran, rollcall, temporaryDirectory } from '../support/server.ts'

const MIB = 2 ** 20
const SAID = /^RC_(UNREACHABLE|INVALID_JSON): [^\n]*( did not answer as Rollcall does|without JSON)[^\n]*\n$/

let other: Server | undefined
afterEach(() => {
  other?.closeAllConnections()
  other?.close()
})

/** Runs a command against a server that answers so, and whose address its arguments name. */
async function against(answer: (response: ServerResponse, path: string) => void, ...args: string[]): Promise<Ran> {
  other = createServer((request, response) =>
    answer(
      response.on('error', () => {}),
      request.url!,
    ),
  ).listen(0)
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  return ended(rollcall([...args, '--url', `http://127.0.0.1:${port}`]))
}

const body =
  (value: unknown, status = 200) =>
  (response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))

/** Writes a text until nobody reads or so many bytes are written, which it tells. */
function endless(text: string, most: number, response: ServerResponse, told: (bytes: number) => void): void {
  let written = 0
  const more = () => {
    while (!response.destroyed && written < most) {
      written += text.length
      told(written)
      if (!response.write(text)) return void response.once('drain', more)
    }
    response.end()
  }
  more()
}

const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const count = { alive: 1, attendance: 1 }
const withoutSession = { ...count, streams: 0 }

describe('an answer that is not as Rollcall answers', () => {
  test.each<[string[], unknown]>([
    [['top', '--once'], {}],
    [['top', '--once', '--table'], []],
    [['viewers'], { ...count, bySession: null, withoutSession }],
    [['viewers', '--table'], { ...count, bySession: { a: null }, withoutSession }],
    [['sessions', '--table'], { sessions: [null] }],
    [['sessions'], { sessions: {} }],
    [['sessions'], { sessions: [], next: { a: 1 } }],
    [['visits', '--table'], { webSessions: [{ id: 1, source: { source: {} } }] }],
    [['effects', '--table'], { effects: 'none' }],
    [['actors'], { actors: {}, isWhole: true }],
    [['actors', '--table'], { actors: [1], isWhole: true }],
    [['feed', 'a', '--table'], { items: [{ id: 'a' }] }],
    [['feed', 'a', '--table', '--explain'], { items: [] }],
    [['owner', '--table'], { ready: true, partitions: 1, owner: 1, stopped: {} }],
    [['inspect', 'viewer', 'ann'], { value: 1 }],
    [['simulate', '--viewers', '0', '--streamers', '1', '--minutes', '2'], { id: 1 }],
  ])('is said in a line by %j', async (args, answer) => {
    const { code, stdout, stderr } = await against(body(answer), ...args)
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(SAID)])
  })

  test.each([
    ['without counts', { accepted: '1' }],
    ['with other lists', { accepted: 1, webSessions: [{ pageViews: '1' }] }],
  ])('is said in a line by replay: %s', async (_name, answer) => {
    const file = join(temporaryDirectory(), 'events')
    writeFileSync(file, `${JSON.stringify({ id: '1', sessionId: 'v', ts: 1_700_000_000_000, page: '/' })}\n`)
    const { code, stderr } = await against(body(answer), 'replay', file, '--retry', '0')
    expect([code, stderr]).toEqual([1, expect.stringMatching(SAID)])
  })

  test.each([[{ a: 1 }], [[null]], ['x'], [[{ index: 0 }]]])('keeps its code, with faults %j', async faults => {
    const refusal = { code: 'RC_NOT_ALLOWED', message: 'no', faults }
    const { code, stderr } = await against(body(refusal, 403), 'sessions')
    expect([code, stderr]).toEqual([1, 'RC_NOT_ALLOWED: no\n'])
  })

  test('is read no further than any of Rollcall is long', async () => {
    let bytes = 0
    const part = ' '.repeat(MIB)
    const answer = (response: ServerResponse) =>
      endless(part, 200 * MIB, response, written => {
        bytes = written
      })
    const { code, stderr } = await against(answer, 'sessions')
    expect([code, stderr]).toEqual([1, expect.stringMatching(SAID)])
    expect(bytes / MIB).toBeLessThan(100)
  })

  test('is not shown where it is too deep to be', async () => {
    const answer = (response: ServerResponse) => void response.end(`{"sessions":[{"id":${deep(100_000)}}]}`)
    const { code, stdout, stderr } = await against(answer, 'sessions')
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(SAID)])
  })
})

describe('a stream of an actor that is not as Rollcall tells', () => {
  const view = { value: 'a', partition: 0, seq: 1, snapshot: { context: {} } }
  const follow = (live: (response: ServerResponse) => void) =>
    against(
      (response, path) => (path.endsWith('/live') ? live(response) : body(view)(response)),
      ...['inspect', 'viewer', 'ann', '--last', '0', '--follow'],
    )

  test.each([
    ['no JSON', 'event: frame\ndata: {\n\n'],
    ['no frame', 'event: frame\ndata: {"at":"now"}\n\n'],
    ['no number', 'event: lost\ndata: null\n\n'],
  ])('is said in a line: %s', async (_name, text) => {
    const { code, stderr } = await follow(response => void response.end(text))
    expect([code, stderr]).toEqual([1, expect.stringMatching(SAID)])
  })

  test.each([
    ['a code that there is not', '{"code":"toString","message":"no"}', 'RC_UNREACHABLE: no\n'],
    ['no text', '{"code":"RC_CLOSING","message":{}}', /^RC_CLOSING: .+\n$/],
  ])('that ends with an error is told as such: %s', async (_name, data, said) => {
    const { code, stderr } = await follow(response => void response.end(`event: error\ndata: ${data}\n\n`))
    expect([code, stderr]).toEqual([1, said instanceof RegExp ? expect.stringMatching(said) : said])
  })

  test('is read no further where a message has no end', async () => {
    let bytes = 0
    const part = 'x'.repeat(MIB / 4)
    const { code, stderr } = await follow(response =>
      endless(part, 60 * MIB, response, written => {
        bytes = written
      }),
    )
    expect([code, stderr]).toEqual([1, expect.stringMatching(SAID)])
    expect(bytes / MIB).toBeLessThan(30)
  })
})
