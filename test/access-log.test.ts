import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CombinedLog, type LogEvent } from '../src/cli/replay/combined-log.ts'
import { type Hit, parseHit } from '../src/cli/replay/hit.ts'
import { Report } from '../src/cli/replay/report.ts'
import { readWebEvents } from '../src/cli/replay/web-events.ts'

const TIME = '[31/Aug/2014:06:25:02 +0200]'
const hit = (text: string): Partial<Hit> => parseHit(text) as Partial<Hit>
const who = (head: string): [string | undefined, string | undefined] => {
  const { visitor, userId } = hit(`${head} ${TIME} "GET /a HTTP/1.1" 200 5 "-" "agent"`)
  return [visitor, userId]
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-access-log-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** The events of a file with these bytes. */
async function eventsOf(bytes: Buffer): Promise<LogEvent[]> {
  const file = join(folder, 'access.log')
  writeFileSync(file, bytes)
  const events: LogEvent[] = []
  for await (const { json } of readWebEvents(file, new CombinedLog(), new Report(() => {}))) {
    events.push(JSON.parse(json) as LogEvent)
  }
  return events
}

describe('the visitor and the user of a hit', () => {
  test.each<[string, string, string | undefined]>([
    ['203.0.113.7 - -', '203.0.113.7', undefined],
    ['203.0.113.7 - Kim van Lee', '203.0.113.7', 'Kim van Lee'],
    ['203.0.113.7 ident Kim van Lee', '203.0.113.7', 'Kim van Lee'],
    ['203.0.113.7 - Lee, Kim', '203.0.113.7', 'Lee, Kim'],
    ['203.0.113.7 - [kim]', '203.0.113.7', '[kim]'],
    ['203.0.113.7 - kim [at work]', '203.0.113.7', 'kim [at work]'],
    ['fe80::1%eth0 - -', 'fe80::1%eth0', undefined],
    ['203.0.113.7:50123 - Kim Lee', '203.0.113.7:50123', 'Kim Lee'],
    ['a,b - -', 'a,b', undefined],
  ])('are first and third in: %s', (head, visitor, user) => expect(who(head)).toEqual([visitor, user]))

  test.each<[string, string, string | undefined]>([
    ['shop.example:443 203.0.113.7 - -', '203.0.113.7', undefined],
    ['shop.example:443 203.0.113.7 - kim', '203.0.113.7', 'kim'],
    ['shop.example 203.0.113.7 - Kim Lee', '203.0.113.7', 'Kim Lee'],
    ['shop.example:80 203.0.113.7 ident kim', '203.0.113.7', 'kim'],
    ['shop.example:443 2001:db8::7 - kim', '2001:db8::7', 'kim'],
    ['shop.example:443 client.isp.example - -', 'client.isp.example', undefined],
    ['shop.example:443 v1 - Kim Lee', 'v1', 'Kim Lee'],
    ['198.51.100.1:80 203.0.113.7 - -', '203.0.113.7', undefined],
    ['shop.example 443 203.0.113.7 - kim', '203.0.113.7', 'kim'],
    ['shop.example:443 203.0.113.7, 10.0.0.1 - kim', '203.0.113.7', 'kim'],
    ['shop.example:443 - - -', '-', undefined],
  ])('stand behind a virtual host in: %s', (head, visitor, user) => expect(who(head)).toEqual([visitor, user]))

  test.each<[string, string, string | undefined]>([
    ['203.0.113.7, 10.0.0.1 - kim', '203.0.113.7', 'kim'],
    ['203.0.113.7,10.0.0.1,10.0.0.2 - -', '203.0.113.7', undefined],
    ['203.0.113.7 , 10.0.0.1 - Kim Lee', '203.0.113.7', 'Kim Lee'],
    ['"203.0.113.7, 10.0.0.1" - -', '203.0.113.7', undefined],
    ['"203.0.113.7" - -', '203.0.113.7', undefined],
    ['unknown, 203.0.113.7 - -', '203.0.113.7', undefined],
    ['2001:db8::7, 10.0.0.1 - -', '2001:db8::7', undefined],
    ['[2001:db8::7]:50123, 10.0.0.1:80 - -', '2001:db8::7', undefined],
    ['203.0.113.7:50123, 10.0.0.1 - -', '203.0.113.7', undefined],
    ['10.0.0.9 203.0.113.7, 10.0.0.1 - -', '203.0.113.7', undefined],
    ['10.0.0.9 - - -', '10.0.0.9', undefined],
    ['10.0.0.9 - - kim', '10.0.0.9', 'kim'],
  ])('are found beside the addresses that proxies forward in: %s', (head, visitor, user) => {
    expect(who(head)).toEqual([visitor, user])
  })

  test.each(['""', '"-"', '-'])('are nobody where the user is %s', user => {
    expect(who(`203.0.113.7 - ${user}`)).toEqual(['203.0.113.7', undefined])
  })
})

describe('a hit is not lost by what stands behind its request', () => {
  test.each([
    '',
    ' 200',
    ' 200 5',
    ' 200 5 ',
    ' ok 5 "-" "agent"',
    ' 200 5 -',
    ' 200 5 "-"',
    ' 200 5 "-" "a long agent of a bot (comp',
    ' 200 5 "-" ""my" bot"',
    ' 200 5 "-" "tab 10" wide"',
    ' 200 5 "-" "agent\\"',
    ' 200 5 "http://cut.exam',
    ' 200 5 "-" "agent" 0.003 "203.0.113.1, 203.0.113.2" rt=0.1',
    ' 200 5 "-" "agent" "cut o',
  ])('"GET /a HTTP/1.1"%s', rest => {
    const { visitor, page, referrer } = hit(`v1 - - ${TIME} "GET /a HTTP/1.1"${rest}`)
    expect([visitor, page, referrer]).toEqual(['v1', '/a', undefined])
  })

  test('nor by the protocol that was cut off', () => {
    expect(hit(`v1 - - ${TIME} "GET /a HTTP/1`).page).toBe('/a')
  })

  test.each(['"GET /a', '"GET /a b', '"GET'])('but by a target that may be cut off: %s', request => {
    expect(parseHit(`v1 - - ${TIME} ${request}`)).toEqual({ reason: 'has no "request" after the time' })
  })

  test.each([
    ['"http://x.example/?q="a b" c" "agent"', 'http://x.example/?q="a b" c'],
    ['"http://x.example/" ""my" bot"', 'http://x.example/'],
    ['"http://x.example/"', 'http://x.example/'],
    ['"http://x.example/" "cut o', 'http://x.example/'],
  ])('and has its referrer: %s', (rest, referrer) => {
    expect(hit(`v1 - - ${TIME} "GET /a HTTP/1.1" 200 5 ${rest}`).referrer).toBe(referrer)
  })
})

describe('bytes that are not UTF-8', () => {
  const pagesOf = async (...targets: Buffer[]): Promise<string[]> => {
    const lines = targets.map(target =>
      Buffer.concat([Buffer.from(`v1 - - ${TIME} "GET /`), target, Buffer.from(' HTTP/1.1" 200 5\n')]),
    )
    return (await eventsOf(Buffer.concat(lines))).map(({ page }) => page)
  }

  test('stay apart from each other', async () => {
    expect(await pagesOf(Buffer.from([0xe8]), Buffer.from([0xe9]))).toEqual(['/%E8', '/%E9'])
  })

  test.each<[number[], string]>([
    [[0xc3, 0xa9], 'é'],
    [[0xe4, 0xb8, 0x96], '世'],
    [[0xf0, 0x9f, 0x98, 0x80], '\u{1F600}'],
    [[0xe4, 0xb8, 0x61], '%E4%B8a'],
    [[0xc3, 0xa9, 0xff, 0xc3, 0xa9], 'é%FFé'],
    [[0xed, 0xa0, 0x80], '%ED%A0%80'],
    [[0xc0, 0xaf], '%C0%AF'],
    [[0xf4, 0x90, 0x80, 0x80], '%F4%90%80%80'],
  ])('are percent-encoded alone: %j', async (bytes, page) => {
    expect(await pagesOf(Buffer.from(bytes))).toEqual([`/${page}`])
  })
})

const known = JSON.parse(readFileSync(new URL('fixtures/combined-log-ids.json', import.meta.url), 'utf8')) as {
  id: string
  line: string
}[]

test('ids are those that earlier versions gave: a log replayed before adds nothing', async () => {
  const bytes = Buffer.from(known.map(({ line }) => line).join('\n'), 'latin1')
  expect((await eventsOf(bytes)).map(({ id }) => id)).toEqual(known.map(({ id }) => id))
})
