import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CombinedLog, type LogEvent } from '../src/cli/replay/combined-log.ts'
import { kindsOfHits } from '../src/cli/replay/pages.ts'
import { FakeRollcall } from './support/fake-rollcall.ts'
import { ended, rollcall as run } from './support/server.ts'

const SAMPLE = new URL('fixtures/public-access.log', import.meta.url).pathname
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'

const line = (request: string, status = '200', agent = BROWSER): string =>
  `203.0.113.7 - - [31/Aug/2014:06:25:02 +0200] "${request}" ${status} 5 "-" "${agent}"`

const kindOf = async (text: string): Promise<string | undefined> => {
  const event = new CombinedLog(await kindsOfHits()).read(text)
  return 'leftOut' in event ? event.leftOut : undefined
}

describe('a hit', () => {
  test.each([
    line('GET / HTTP/1.1'),
    line('HEAD /about HTTP/1.1'),
    line('GET /v1.2/ HTTP/1.1'),
    line('GET /index.html?from=a.png HTTP/1.1'),
    line('GET /page.php;jsessionid=1 HTTP/1.1', '304'),
    line('GET /moved HTTP/1.1', '301'),
    line('GET /a b HTTP/1.1'),
    line('GET / HTTP/1.1', '-'),
    '203.0.113.7 - - [31/Aug/2014:06:25:02 +0200] "GET / HTTP/1.1" 200 5',
  ])('is the visit of a page: %s', async text => expect(await kindOf(text)).toBeUndefined())

  test.each([
    ['staticFiles', line('GET /style.css HTTP/1.1')],
    ['staticFiles', line('GET /a/Photo.JPG?w=100#x HTTP/1.1')],
    ['staticFiles', line('GET /app.js;v=2 HTTP/1.1')],
    ['staticFiles', line('GET /my logo.png HTTP/1.1')],
    ['staticFiles', line('GET /missing.ico HTTP/1.1', '404')],
    ['methods', line('POST /login HTTP/1.1')],
    ['methods', line('OPTIONS * HTTP/1.1')],
    ['methods', line('-', '408', '-')],
    ['errors', line('GET /missing HTTP/1.1', '404')],
    ['errors', line('GET / HTTP/1.1', '503', 'Googlebot/2.1 (+http://www.google.com/bot.html)')],
    ['bots', line('GET / HTTP/1.1', '200', 'Googlebot/2.1 (+http://www.google.com/bot.html)')],
    ['bots', line('GET / HTTP/1.1', '200', 'curl/8.5.0')],
    ['bots', line('GET / HTTP/1.1', '200', 'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bi').slice(0, -1)],
  ])('is none but one of %s: %s', async (kind, text) => expect(await kindOf(text)).toBe(kind))

  test('that is left out has a place among the lines of its second', async () => {
    const log = new CombinedLog(await kindsOfHits())
    log.read(line('GET /style.css HTTP/1.1'))
    expect((log.read(line('GET / HTTP/1.1')) as LogEvent).id).toMatch(/^0002-/)
  })
})

describe('rollcall replay --pages-only', () => {
  let rollcall: FakeRollcall
  let folder: string
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rollcall-pages-only-'))
    rollcall = new FakeRollcall()
    await rollcall.listen()
  })
  afterEach(async () => {
    await rollcall.close()
    rmSync(folder, { recursive: true })
  })
  const summaryOf = async (...args: string[]) => {
    const { code, stdout } = await ended(run(['replay', SAMPLE, '--url', rollcall.url, ...args]))
    return { code, ...JSON.parse(stdout.trim().split('\n').at(-1)!) }
  }

  test('sends the pages alone and says how many of each kind it left out', async () => {
    const { code, accepted, badLines, leftOut } = await summaryOf('--pages-only')
    expect({ code, accepted, badLines, leftOut }).toEqual({
      code: 0,
      accepted: 9,
      badLines: 0,
      leftOut: { staticFiles: 7, methods: 4, errors: 4, bots: 6 },
    })
    expect(rollcall.received.every(({ page }) => page.startsWith('/page'))).toBe(true)
  })

  test('gives the pages the ids they have among all hits', async () => {
    await summaryOf()
    const ids = new Map(rollcall.received.map(({ id, page }) => [id, page]))
    rollcall.posts.length = 0
    await summaryOf('--pages-only')
    expect(rollcall.received.filter(({ id, page }) => ids.get(id) !== page)).toEqual([])
  })

  test('is asked for: without it every hit is sent', async () => {
    const { accepted, badLines, leftOut } = await summaryOf()
    expect([accepted + badLines, leftOut]).toEqual([readFileSync(SAMPLE, 'utf8').trim().split('\n').length, undefined])
  })
})
