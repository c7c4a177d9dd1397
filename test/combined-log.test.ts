import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CombinedLog, type LogEvent } from '../src/cli/replay/combined-log.ts'
import type { LineFault } from '../src/cli/replay/hit.ts'
import { readLines } from '../src/cli/replay/lines.ts'

const AT_0625 = Date.UTC(2014, 7, 31, 4, 25, 2)

interface Parts {
  visitor?: string
  user?: string
  time?: string
  request?: string
  rest?: string
}

function line({
  visitor = 'v1',
  user = '-',
  time = '31/Aug/2014:06:25:02 +0200',
  request = 'GET /a?b=1 HTTP/1.1',
  rest = '200 152 "http://here.example/" "Agent (x; y)"',
}: Parts = {}): string {
  return `${visitor} - ${user} [${time}] "${request}" ${rest}`
}

function parseLine(text: string): Omit<LogEvent, 'id'> | LineFault {
  const event = new CombinedLog().read(text) as LogEvent | LineFault
  if ('reason' in event) return event
  const { id: _, ...fields } = event
  return fields
}

const parsed = (parts: Parts): Partial<LogEvent> => parseLine(line(parts)) as Partial<LogEvent>
const reason = (text: string): string | undefined => {
  const result = parseLine(text)
  return 'reason' in result ? result.reason : undefined
}
const ids = (lines: string[]): string[] => {
  const log = new CombinedLog()
  return lines.map(text => (log.read(text) as LogEvent).id)
}
const places = (lines: string[]): string[] => ids(lines).map(id => id.split('-')[0]!)

/** The time of a second after 06:25:02 local time. */
const later = (seconds: number): string => {
  const iso = new Date(AT_0625 + seconds * 1_000).toISOString()
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
  return `${iso.slice(8, 10)}/${months[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`
}

describe('a line of a Combined Log', () => {
  test('has visitor, time, page and referrer', () => {
    expect(parseLine(line())).toEqual({
      sessionId: 'v1',
      ts: AT_0625,
      page: '/a?b=1',
      referrer: 'http://here.example/',
    })
  })

  test('has its third field as the user', () => expect(parsed({ user: 'ann' }).userId).toBe('ann'))

  test('may have a user with spaces in the name', () => expect(parsed({ user: 'ann lee' }).userId).toBe('ann lee'))

  test.each(['200 1 "-" "x"', '200 1 "" "x"'])('has no referrer in: %s', rest => {
    expect(parsed({ rest })).not.toHaveProperty('referrer')
  })

  test.each([
    ['31/Aug/2014:06:25:02 +0000', Date.UTC(2014, 7, 31, 6, 25, 2)],
    ['31/Aug/2014:06:25:02 -0730', Date.UTC(2014, 7, 31, 13, 55, 2)],
    ['01/Jan/2015:00:10:00 +0545', Date.UTC(2014, 11, 31, 18, 25)],
    ['29/Feb/2016:23:59:59 +0000', Date.UTC(2016, 1, 29, 23, 59, 59)],
  ])('has its time in its own zone: %s', (time, ts) => expect(parsed({ time }).ts).toBe(ts))

  test.each([
    ['OPTIONS * HTTP/1.1', '*'],
    ['CONNECT mx2.example:25 HTTP/1.1', 'mx2.example:25'],
    ['GET /only-two', 'GET /only-two'],
    ['GET /a b HTTP/1.1', 'GET /a b HTTP/1.1'],
    ['\\x80w\\x01\\x03\\x01  HTTP/1.1', '\\x80w\\x01\\x03\\x01  HTTP/1.1'],
    ['-', '-'],
    ['', ''],
    ['GET /a\\"b\\\\ HTTP/1.1', '/a\\"b\\\\'],
  ])('of request "%s" has page %s', (request, page) => expect(parsed({ request }).page).toBe(page))

  test.each(['404 18824', '304 -', '- -', '200 0'])('counts whatever the status and size: %s', statusAndSize => {
    expect(parsed({ rest: `${statusAndSize} "-" "-"` }).page).toBe('/a?b=1')
  })

  test('may hold escaped quotes in referrer and agent', () => {
    expect(parsed({ rest: '200 1 "http://x/?q=\\"a\\"" "say \\"hi\\" \\\\"' }).referrer).toBe('http://x/?q=\\"a\\"')
  })

  test('may be followed by fields of its own', () =>
    expect(parsed({ rest: '200 1 "-" "x" 0.004 "z"' }).ts).toBe(AT_0625))

  test('gives back whatever fields it was made of', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9./?=&%_~é世-]{1,20}$/).filter(text => text !== '-')
    fc.assert(
      fc.property(word, word, word, fc.integer({ min: 0, max: 4e9 }), (visitor, user, page, seconds) => {
        const time = later(seconds - AT_0625 / 1_000)
        expect(parsed({ visitor, user, time, request: `GET ${page} HTTP/2.0`, rest: `200 1 "${page}" "x"` })).toEqual({
          sessionId: visitor,
          userId: user,
          ts: seconds * 1_000,
          page,
          referrer: page,
        })
      }),
    )
  })
})

describe('a line that is none', () => {
  test.each([
    ['', 'does not begin with visitor, ident, user and [time]'],
    ['hello', 'does not begin with visitor, ident, user and [time]'],
    ['v1 - - "GET / HTTP/1.1" 200 1 "-" "-"', 'does not begin with visitor, ident, user and [time]'],
    [line({ time: 'yesterday' }), 'has no time such as [31/Aug/2014:06:25:02 +0200] after the user'],
    [line({ time: '31/Feb/2014:06:25:02 +0200' }), 'has a time that does not exist: [31/Feb/2014:06:25:02 +0200]'],
    [line({ time: '31/Abc/2014:06:25:02 +0200' }), 'has a time that does not exist: [31/Abc/2014:06:25:02 +0200]'],
    [line({ time: '31/Aug/2014:05:60:00 +0200' }), 'has a time that does not exist: [31/Aug/2014:05:60:00 +0200]'],
    [line({ time: '31/Aug/2014:05:00:60 +0200' }), 'has a time that does not exist: [31/Aug/2014:05:00:60 +0200]'],
    [line({ time: '31/Aug/2014:05:00:00 +0060' }), 'has a time that does not exist: [31/Aug/2014:05:00:00 +0060]'],
    [line({ request: 'GET "/" HTTP/1.1' }), 'has no "request" after the time'],
  ])('%s', (text, why) => expect(reason(text)).toBe(why))
})

describe('the id of a line', () => {
  test('is its place in the second and the beginning of its SHA-256', () => {
    const digest = createHash('sha256').update(line()).digest('hex')
    expect(ids([line()])).toEqual([`0001-${digest.slice(0, 16)}`])
  })

  test('differs between equal lines', () => expect(places([line(), line(), line()])).toEqual(['0001', '0002', '0003']))

  test('counts each visitor apart', () => {
    expect(places([line(), line({ visitor: 'v2' }), line()])).toEqual(['0001', '0001', '0002'])
  })

  test('counts each second apart', () => {
    expect(places([line({ time: later(0) }), line({ time: later(1) })])).toEqual(['0001', '0001'])
  })

  test('counts a second as one, whatever zone it is written in', () => {
    expect(places([line(), line({ time: '31/Aug/2014:04:25:02 +0000' })])).toEqual(['0001', '0002'])
  })

  test('does not count lines that are none', () => {
    const log = new CombinedLog()
    log.read('v1 - - nonsense')
    expect((log.read(line()) as LogEvent).id).toMatch(/^0001-/)
  })

  test('goes on counting a second whose lines come almost an hour late', () => {
    const between = Array.from({ length: 3_599 }, (_, second) => line({ time: later(second + 1) }))
    expect(places([line(), ...between, line()]).at(-1)).toBe('0002')
  })

  test('goes on counting when a stray line is from another year', () => {
    const stray = line({ time: '01/Jan/2037:00:00:00 +0000' })
    const lines = [line(), stray, line(), line({ time: later(1) }), line({ time: later(1) })]
    expect(places(lines)).toEqual(['0001', '0001', '0002', '0001', '0002'])
  })

  test('forgets a second after an hour of others, so that a log of any length fits in memory', () => {
    const between = Array.from({ length: 3_600 }, (_, second) => line({ time: later(second + 1) }))
    expect(places([line(), ...between, line()]).at(-1)).toBe('0001')
  })
})

const folder = process.env.ROLLCALL_TEST_LOGS
const LINES: Record<string, number> = { 'site-2013-10-13.log.gz': 12_893, 'site-2014-08-31.log.gz': 14_853 }
const logs = folder === undefined ? Object.keys(LINES) : readdirSync(folder).filter(name => /\.log(\.gz)?$/.test(name))

describe.skipIf(folder === undefined)('the logs in the folder ROLLCALL_TEST_LOGS (skipped while it is unset)', () => {
  test.each(logs)('%s: every line parses, and ids are unique per visitor and day', async name => {
    const log = new CombinedLog()
    const faults: string[] = []
    const keys = new Set<string>()
    let count = 0
    for await (const lines of readLines(join(folder!, name))) {
      for (const { number, text } of lines) {
        const event = log.read(text!) as LogEvent | LineFault
        count += 1
        if ('reason' in event) faults.push(`${number}: ${event.reason}`)
        else keys.add(`${event.sessionId} ${Math.floor(event.ts / 86_400_000)} ${event.id}`)
      }
    }
    expect({ faults, unique: keys.size }).toEqual({ faults: [], unique: LINES[name] ?? count })
  })
})
