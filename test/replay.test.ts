import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Delivery } from '../src/cli/replay/delivery.ts'
import { MAX_LINE_BYTES } from '../src/cli/replay/lines.ts'
import { replay } from '../src/cli/replay/replay.ts'
import { Report } from '../src/cli/replay/report.ts'
import { Server } from '../src/cli/replay/server.ts'
import { type Event, FakeRollcall, PatientTime } from './support/fake-rollcall.ts'

let folder: string
let rollcall: FakeRollcall
let time: PatientTime
let warnings: string[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-replay-'))
  rollcall = new FakeRollcall()
  time = new PatientTime()
  warnings = []
  await rollcall.listen()
})

afterEach(async () => {
  await rollcall.close()
  rmSync(folder, { recursive: true })
})

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const deliveryTo = (url: string, retrySeconds = 120): Delivery =>
  new Delivery(new Server(url, { retryMs: retrySeconds * 1_000, warn: text => warnings.push(text), time }))

async function replayed(...files: string[]) {
  const report = new Report(text => warnings.push(text))
  const delivery = deliveryTo(rollcall.url)
  const visits = await replay(files, delivery, report)
  await visits.readable(delivery)
  return { report, count: () => visits.count(delivery) }
}

const logLine = (n: number, page = `/${n}`, visitor = 'v1'): string =>
  `${visitor} - - [31/Aug/2014:06:25:${String(n % 60).padStart(2, '0')} +0200] "GET ${page} HTTP/1.1" 200 1 "-" "x"`
const logLines = (count: number): string[] => Array.from({ length: count }, (_, n) => logLine(n))
const pages = (events: Event[]): string[] => events.map(({ page }) => page)

describe('replay reads', () => {
  const lines = [logLine(1), logLine(2)]
  const json = [1, 2].map(n => JSON.stringify({ sessionId: 'v1', ts: 1_400_000_000_000 + n, page: `/${n}` }))

  test.each<[string, string | Buffer]>([
    ['a Combined Log', lines.join('\n')],
    ['a Combined Log with an end to its last line', `${lines.join('\n')}\n`],
    ['a Combined Log with lines ended as on Windows', `${lines.join('\r\n')}\r\n`],
    ['a gzipped Combined Log', gzipSync(lines.join('\n'))],
    ['a gzip of several parts', Buffer.concat([gzipSync(`${lines[0]}\n`), gzipSync(`${lines[1]}\n`)])],
    ['NDJSON', json.join('\n')],
    ['NDJSON after empty lines', `\n \n${json.join('\n\n')}\n`],
    ['NDJSON with a byte order mark', `\uFEFF${json.join('\n')}`],
    ['gzipped NDJSON', gzipSync(json.join('\n'))],
  ])('%s', async (_, content) => {
    await replayed(file('events', content))
    expect(pages(rollcall.received)).toEqual(['/1', '/2'])
  })

  test('each of several files in its own format', async () => {
    await replayed(file('a.log', lines[0]!), file('b.ndjson', json[1]!))
    expect(pages(rollcall.received)).toEqual(['/1', '/2'])
  })

  test('records of NDJSON as they stand', async () => {
    const record = '{"sessionId":"v1","ts":1400000000001,"page":"/","source":{"medium":"cpc"},"mine":1.0}'
    await replayed(file('events.ndjson', record))
    expect(rollcall.bodies).toEqual([`[${record}]`])
  })

  test('the rest of a file after a line longer than any event', async () => {
    await replayed(file('events.log', `${lines[0]}\n${'x'.repeat(2 * MAX_LINE_BYTES)}\n${lines[1]}\n`))
    expect(pages(rollcall.received)).toEqual(['/1', '/2'])
  })

  test('no event out of a line longer than any', async () => {
    const { report } = await replayed(file('events.ndjson', `${json[0]}\n${'x'.repeat(MAX_LINE_BYTES)}y`))
    expect([report.events, warnings]).toEqual([1, [expect.stringMatching(/:2: is longer than 262144 bytes$/)]])
  })

  test('the other files when one breaks off', async () => {
    const cut = gzipSync(logLines(500).join('\n')).subarray(0, -30)
    const { report } = await replayed(file('cut.gz', cut), file('whole.log', logLine(7)))
    expect([report.unreadable.length, pages(rollcall.received).at(-1)]).toEqual([1, '/7'])
  })
})

describe('a gzip with stray bytes behind it', () => {
  test.each([
    ['with', '\n'],
    ['without', ''],
  ])('counts its lines, the last one %s a line end too', async (_, end) => {
    const bytes = Buffer.concat([gzipSync(logLines(30).join('\n') + end), Buffer.from('oops')])
    const { report } = await replayed(file('stray.gz', bytes))
    expect([report.accepted, report.badLines, report.unreadable.length]).toEqual([30, 0, 1])
  })

  test('counts no line that breaks off', async () => {
    const cut = gzipSync(logLines(500).join('\n')).subarray(0, -100)
    const { report } = await replayed(file('cut.gz', cut))
    const last = pages(rollcall.received).at(-1)
    expect([report.badLines, last]).toEqual([0, `/${report.accepted - 1}`])
  })
})

describe('equal lines of one second', () => {
  test('are as many events in a rotated log as in the whole one', async () => {
    const lines = Array<string>(5).fill(logLine(1))
    await replayed(file('whole.log', lines.join('\n')))
    const whole = rollcall.received.map(({ id }) => id)
    await replayed(file('access.log.1', lines.slice(0, 2).join('\n')), file('access.log', lines.slice(2).join('\n')))
    expect([new Set(whole).size, rollcall.received.slice(5).map(({ id }) => id)]).toEqual([5, whole])
  })
})

describe('a file of which no line could be used', () => {
  const formats = /no line could be used; replay reads the Combined or the Common Log Format .*NDJSON/

  test.each([
    ['nonsense\nmore of it\n'],
    [logLine(1, 'none')],
    ['{"level":30}\n'],
  ])('is told with the formats there are: %j', async content => {
    rollcall.answer = ({ body }) =>
      body.includes('level') ? { status: 400, body: { message: 'no event' } } : undefined
    const path = file('other.log', content)
    const { report } = await replayed(path, file('events.log', logLine(1)))
    expect([report.unusable, warnings.at(-1)]).toEqual([[path], expect.stringMatching(formats)])
  })

  test.each(['', '\n\n', `nonsense\n${logLine(1)}`])('is none such: %j', async content => {
    const { report } = await replayed(file('events.log', content))
    expect(report.unusable).toEqual([])
  })
})

describe('replay sends', () => {
  test('arrays of at most 1,000', async () => {
    await replayed(file('events.log', logLines(2_500).join('\n')))
    expect(rollcall.posts.map(post => post.length).sort((a, b) => a - b)).toEqual([500, 1_000, 1_000])
  })

  test('every line once', async () => {
    const lines = logLines(2_500)
    await replayed(file('events.log', lines.join('\n')))
    expect(pages(rollcall.received).sort()).toEqual(lines.map((_, n) => `/${n}`).sort())
  })

  test('bodies under 1 MiB', async () => {
    const long = 'é'.repeat(4_000)
    await replayed(file('events.log', Array.from({ length: 300 }, (_, n) => logLine(n, `/${long}`)).join('\n')))
    expect(Math.max(...rollcall.bodies.map(body => Buffer.byteLength(body)))).toBeLessThan(1_048_576)
  })

  test('four arrays at once', async () => {
    let [open, most] = [0, 0]
    const fourOpen = Promise.withResolvers<void>()
    rollcall.answer = async ({ method }) => {
      if (method !== 'POST') return undefined
      most = Math.max(most, ++open)
      if (open === 4) fourOpen.resolve()
      await fourOpen.promise
      for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate)
      open -= 1
      return undefined
    }
    await replayed(file('events.log', logLines(12_000).join('\n')))
    expect(most).toBe(4)
  }, 5_000)
})

describe('lines that cannot be used', () => {
  const faulty = [logLine(0), 'nonsense', logLine(2, 'no-page'), '', logLine(4), logLine(5, 'none')].join('\n')

  test('do not keep the others back', async () => {
    await replayed(file('events.log', faulty))
    expect(pages(rollcall.received)).toEqual(['/0', '/4'])
  })

  test('are named by file and line, whoever found them', async () => {
    const path = file('events.log', faulty)
    await replayed(path)
    const reasons = [`${path}:2: does not begin`, `${path}:3: page: is no page`, `${path}:6: page: is no page`]
    expect(warnings).toEqual(reasons.map(reason => expect.stringContaining(reason)))
  })

  test('are counted apart from the events accepted', async () => {
    const { report } = await replayed(file('events.log', faulty))
    expect([report.events, report.accepted, report.badLines]).toEqual([4, 2, 3])
  })

  test('are left out of the batch also when the server finds them one by one', async () => {
    const fault = { index: 1, path: 'page', code: 'invalid', message: 'no' }
    rollcall.answer = ({ method, nth }) =>
      method === 'POST' && nth <= 2 ? { status: 400, body: { code: 'RC_INVALID_INPUT', faults: [fault] } } : undefined
    const { refused } = await deliveryTo(rollcall.url).send(
      '/events',
      [0, 1, 2, 3].map(n => `{"page":"/${n}"}`),
    )
    expect([[...refused.keys()], pages(rollcall.received)]).toEqual([
      [1, 2],
      ['/0', '/3'],
    ])
  })

  test('are listed up to 20 and counted from there', async () => {
    await replayed(file('events.log', [logLine(1), ...Array<string>(25).fill('nonsense')].join('\n')))
    expect([warnings.length, warnings.at(-1)]).toEqual([21, '… and 5 more lines that could not be used'])
  })

  test('are found one by one where the server cannot read the whole body', async () => {
    rollcall.answer = ({ body }) =>
      body.includes('poison') ? { status: 400, body: { message: 'unreadable' } } : undefined
    const path = file('events.log', [logLine(0), logLine(1), logLine(2, '/poison'), logLine(3), logLine(4)].join('\n'))
    await replayed(path)
    expect([pages(rollcall.received), warnings]).toEqual([['/0', '/1', '/3', '/4'], [`${path}:3: unreadable`]])
  })

  test('of NDJSON are those that hold no JSON object', async () => {
    const { report } = await replayed(file('events.ndjson', '{"page":"/1"}\n{"page":\n[]\n7\nnull\n{"page":"/2"}'))
    expect([report.accepted, report.badLines]).toEqual([2, 4])
  })

  test('alone make no request', async () => {
    await replayed(file('events.log', 'nonsense\n'))
    expect(rollcall.bodies).toEqual([])
  })
})

describe('replay ends when its events can be read', () => {
  const accepting = (positions: string[]) => {
    rollcall.answer = ({ method, nth }) =>
      method === 'POST'
        ? { status: 202, body: { accepted: 1_000 }, headers: { 'rollcall-position': positions[nth - 1]! } }
        : undefined
  }

  test('after the greatest position of each partition', async () => {
    accepting(['7-9,9-88', '7-1234,3-5', '7-13,9-88'])
    await replayed(file('events.log', logLines(3_000).join('\n')))
    expect(rollcall.reads[0]!.after!.split(',').sort()).toEqual(['3-5', '7-1234', '9-88'])
  })

  test('with another read where one was not ready in time', async () => {
    rollcall.answer = ({ method, nth }) =>
      method === 'GET' && nth === 1 ? { status: 504, body: { code: 'RC_WAIT_TIMEOUT' } } : undefined
    await replayed(file('events.log', logLine(1)))
    expect(rollcall.reads).toHaveLength(2)
  })
})

describe('the summary', () => {
  const at = Date.UTC(2014, 7, 31, 4, 25, 0)
  const twoMinutes = [logLine(0), logLine(59)]

  test('counts the sessions that overlap the time of the files', async () => {
    rollcall.sessions = [
      { firstEventAt: at - 9_000, lastEventAt: at - 1, pageViews: 1 },
      { firstEventAt: at - 9_000, lastEventAt: at, pageViews: 10 },
      { firstEventAt: at + 5_000, lastEventAt: at + 6_000, pageViews: 100 },
      { firstEventAt: at + 59_000, lastEventAt: at + 99_000, pageViews: 1_000 },
      { firstEventAt: at + 59_001, lastEventAt: at + 99_000, pageViews: 10_000 },
    ]
    const { count } = await replayed(file('events.log', twoMinutes.join('\n')))
    expect(await count()).toEqual({ visitors: 1, sessions: 3, pageViews: 1_110 })
  })

  test('asks for each visitor once', async () => {
    const { count } = await replayed(file('a.log', [logLine(1, '/', 'a+b'), logLine(2, '/', 'ü&c')].join('\n')))
    const before = rollcall.reads.length
    await count()
    expect(
      rollcall.reads
        .slice(before)
        .map(({ path }) => new URL(path, 'http://x').searchParams.get('visitor'))
        .sort(),
    ).toEqual(['a+b', 'ü&c'])
  })

  test('leaves out visitors of whom no line was accepted', async () => {
    const { count } = await replayed(file('a.log', [logLine(1), logLine(2, 'none', 'v2')].join('\n')))
    expect((await count()).visitors).toBe(1)
  })
})
