import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { lastAnswers } from '../src/bridge/http/front/answers.ts'
import type { Figures } from '../src/bridge/http/front/figures.ts'
import { pageOf } from '../src/bridge/http/front/sessions.ts'
import { ownerAsHtml } from '../src/bridge/http/front/tables.ts'
import { wrongIn } from '../src/bridge/http/front/wrong.ts'
import { glance } from '../src/cli/looking/glance.ts'
import { ERRORS } from '../src/errors.ts'
import { ADVICE, adviceFor } from '../src/observe/advice.ts'
import { Meter } from '../src/observe/meter.ts'
import { Begun } from '../src/partition/begun.ts'
import { ManualTime } from './support/time.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const MIB = 1_048_576
const owner = { host: 'box-1', pid: 42, version: '1.0.0', since: NOW, lag: 0 }

/** A process that has nothing to complain of, but for what is given. */
const known = (more: Partial<Figures> = {}): Figures => ({
  ...{ at: NOW, readiness: { ready: true, partitions: 2, owner, stopped: [] }, viewers: { alive: 1, attendance: 2 } },
  sessions: { count: 0, page: 1, pages: 1, shown: [] },
  ...{ beatsASecond: 0, answers: null, webSessionsAMinute: 0, records: [], partitions: [], parked: 0, work: [] },
  ...{ effects: { waiting: 3, parked: 0, oldestMs: 2_000 }, disk: null, troubles: [], away: [], wrong: [] },
  ...more,
})
const stoppedBy = (code: string, partition = 1) => ({ partition, stopped: { code, message: `${code} is so` } })
const partition = (number: number, lag: number, stopped: string | null = null) => ({
  ...{ partition: number, stopped, epoch: 1, accepted: lag + 7, applied: 7, cut: 7, committedAt: NOW },
  ...{ waiting: 0, parked: 0 },
})

describe('what is wrong', () => {
  test('is nothing where all is well', () => {
    expect(wrongIn(known())).toEqual([])
  })

  test.each<[string, Partial<Figures>, string | RegExp]>([
    [
      'rollcall repair',
      {
        readiness: {
          ...known().readiness,
          ready: false,
          stopped: [stoppedBy('RC_LOG_BEHIND'), stoppedBy('RC_LOG_BEHIND', 2)],
        },
      },
      'Partitions 1–2: RC_LOG_BEHIND is so',
    ],
    [
      'rollcall doctor',
      {
        readiness: {
          ...known().readiness,
          ready: false,
          writes: [{ code: 'RC_LOG_UNAVAILABLE', message: 'The disk is nearly full.' }],
        },
      },
      'Nothing is accepted just now: The disk is nearly full.',
    ],
    ['curl "$URL/parked"', { parked: 1 }, '1 event parked: their actors take nothing more.'],
    [
      'rollcall effects --state parked',
      { effects: { waiting: 0, parked: 2, oldestMs: null } },
      '2 effects parked: tried in vain.',
    ],
    [
      'rollcall effects --state waiting',
      { effects: { waiting: 1, parked: 0, oldestMs: 61_000 } },
      'An effect has been waiting for 61 s.',
    ],
    ['df -h', { disk: { freeBytes: 1_000 * MIB, logBytes: 1, stateBytes: 1 } }, 'Only 1,000 MiB of the disk are free.'],
    [
      'rollcall doctor',
      { away: [{ server: 'redis', since: NOW - 240_000 }] },
      'Redis gives this process no answer since 2026-01-01 11:56:00 UTC, for 4 min.',
    ],
    [
      'rollcall doctor',
      { away: [{ server: 'mongodb', since: NOW - 5_000 }], troubles: ['RC_STORE_UNAVAILABLE'] },
      'MongoDB gives this process no answer since 2026-01-01 11:59:55 UTC, for 5 s.',
    ],
    ['rollcall repair --accept-loss', { troubles: ['RC_DOCUMENT_CORRUPT'] }, /^Not all of this is known: A document/],
    [
      'rollcall owner',
      { partitions: [partition(0, 501), partition(1, 500), partition(2, 812), partition(3, 900, 'RC_NOT_READY')] },
      'Partitions 0, 2: 812 entries wait for a commit.',
    ],
  ])('says `%s` where that helps', (command, more, text) => {
    const found = wrongIn(known(more))
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ command, text: typeof text === 'string' ? text : expect.stringMatching(text) })
  })

  test('is no effect that waits for the end of a replay', () => {
    const readiness = { ...known().readiness, ready: false, stopped: [stoppedBy('RC_NOT_READY')] }
    const effects = { waiting: 1, parked: 0, oldestMs: 600_000 }
    expect(wrongIn(known({ readiness, effects })).map(({ code }) => code)).toEqual(['RC_NOT_READY'])
    expect(wrongIn(known({ readiness: { ...readiness, stopped: [stoppedBy('RC_FENCED')] }, effects }))).toHaveLength(2)
  })

  test('names headings of docs/operating.md, and commands of the program, for codes that there are', () => {
    const operating = readFileSync(new URL('../docs/operating.md', import.meta.url), 'utf8')
    const anchors = [...operating.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll(' ', '-'))
    const main = readFileSync(new URL('../src/cli/main.ts', import.meta.url), 'utf8')
    for (const [code, { anchor, command }] of Object.entries(ADVICE)) {
      expect(Object.keys(ERRORS)).toContain(code)
      expect(anchors).toContain(anchor)
      expect(main).toContain(`${/^rollcall (\w+)/.exec(command)![1]}: () =>`)
    }
    const all = known({
      ...{ parked: 1, effects: { waiting: 1, parked: 1, oldestMs: 900_000 }, troubles: ['RC_INTERNAL'] },
      away: [{ server: 'nats', since: NOW }],
      disk: { freeBytes: 0, logBytes: 0, stateBytes: 0 },
    })
    for (const { anchor } of wrongIn(all)) expect(anchors).toContain(anchor)
    expect(adviceFor('RC_NOTHING').command).toBe('rollcall doctor')
  })
})

describe('live sessions', () => {
  test('are ranked by viewers, and a page beyond the last is the last', () => {
    const found = Array.from({ length: 60 }, (_, n) => ({ _id: `s${String(n).padStart(2, '0')}`, userId: `u${n}` }))
    const counts = new Map([
      ['s07', { alive: 9, attendance: 9 }],
      ['s03', { alive: 20, attendance: 20 }],
    ])
    const first = pageOf(found, counts, 1)
    expect([first.count, first.pages, first.shown.length]).toEqual([60, 3, 25])
    expect(first.shown.slice(0, 3).map(({ id, viewers }) => [id, viewers])).toEqual([
      ['s03', 20],
      ['s07', 9],
      ['s59', 0],
    ])
    expect(pageOf(found, counts, 9)).toMatchObject({ page: 3, shown: { length: 10 } })
    expect(pageOf([], counts, 1)).toEqual({ count: 0, page: 1, pages: 1, shown: [] })
  })
})

describe('answer times', () => {
  test('are those of the last minute, without what looks how the process does', async () => {
    const [time, meter] = [new ManualTime(NOW), new Meter()]
    const hooks = new Map<string, () => void>()
    const app = { addHook: (name: string, hook: () => void) => void hooks.set(name, hook) }
    const look = lastAnswers(app as never, { time, exposition: { meter } } as never)
    const of = (route: string) => meter.spread('rollcall_http_request_seconds', { method: 'GET', route, status: '200' })
    const spread = of('/viewers')
    hooks.get('onListen')!()
    for (const route of ['/', '/figures', '/figures.json', '/metrics', '/livez', '/readyz']) of(route).add(2)
    expect(look()).toBeNull()
    for (let n = 0; n < 98; n++) spread.add(0.002)
    spread.add(0.4)
    spread.add(0.4)
    await time.advance(10_000)
    expect(look()).toMatchObject({ aSecond: 10 })
    expect(look()!.p50Ms).toBeGreaterThan(1)
    expect(look()!.p50Ms).toBeLessThan(2.5)
    expect(look()!.p99Ms).toBeGreaterThan(250)
    await time.advance(70_000)
    expect(look()).toBeNull()
  })
})

describe('web sessions a minute', () => {
  test('are those whose first event is of the last minute, each once, with a bound', () => {
    const begun = new Begun()
    const write = (id: string, at: number) => ({ collection: 'web-sessions' as const, id, set: { firstEventAt: at } })
    begun.add([write('a', NOW), write('a', NOW - 1_000), write('old', NOW - 90_000)], NOW)
    begun.add([{ collection: 'web-events', id: 'e', set: { firstEventAt: NOW } }, write('b', NOW - 30_000)], NOW)
    expect([begun.count(NOW), begun.count(NOW + 35_000), begun.count(NOW + 90_000)]).toEqual([2, 1, 0])
    begun.add(
      Array.from({ length: 12_000 }, (_, n) => write(`s${n}`, NOW)),
      NOW,
    )
    expect(begun.count(NOW)).toBe(10_000)
  })
})

describe('rollcall top', () => {
  test('fits the window, with what is wrong first, and shows no control that a name holds', () => {
    const shown = Array.from({ length: 25 }, (_, n) => ({
      ...{ id: `s${n}`, streamer: `u${n}\u001B[2J`, title: null, preset: 'sd', viewers: 25 - n, rating: 4, ratings: 2 },
      since: new Date(NOW - 60_000).toISOString(),
    }))
    const partition = {
      stopped: null,
      epoch: 1,
      accepted: 9,
      applied: 7,
      cut: 4,
      committedAt: NOW,
      waiting: 0,
      parked: 0,
    }
    const more = {
      sessions: { count: 5_001, page: 1, pages: 200, shown },
      partitions: Array.from({ length: 16 }, (_, n) => ({
        ...partition,
        partition: n,
        stopped: n === 5 ? 'RC_FENCED' : null,
      })),
      work: [{ name: 'replay' as const, unit: 'entries', done: 25, total: 100, since: NOW - 10_000 }],
      parked: 2,
    }
    const figures = known(more)
    const lines = glance({ ...figures, wrong: wrongIn(figures) }, 40)
    expect(lines.length).toBeLessThanOrEqual(40)
    expect(lines[0]).toContain('✓ Ready, but look at this')
    expect(lines[2]).toBe('! 2 events parked: their actors take nothing more.')
    expect(lines.join('\n')).toContain('[█████░░░░░░░░░░░░░░░] 25 %  25 of 100 entries, for 10 s, about 30 s more')
    expect(lines.find(line => line.includes('RC_FENCED'))).toMatch(/^5 +✗ RC_FENCED +2 +3/)
    expect(lines.join('\n')).toContain('over 5,000')
    expect(lines.join('\n')).not.toContain('\u001B')
    const ends = lines.flatMap(line => /^and ([\d,]+) more$/.exec(line)?.[1]?.replace(',', '') ?? []).map(Number)
    const rows = (row: RegExp): number => lines.filter(line => row.test(line)).length
    expect(ends).toEqual([16 - rows(/^\d+ +(goes on|✗)/), 5_001 - rows(/^u\d+/)])
    const all = glance({ ...figures, wrong: [] }, Number.POSITIVE_INFINITY)
    expect(all.filter(line => line.startsWith('and '))).toEqual(['and 4,976 more'])
  })

  test.each([
    [0, '0 entries behind'],
    [1, '1 entry behind'],
    [null, 'not known how far behind'],
  ])('says how far the owner is behind: %s', (lag, text) => {
    const { readiness } = known()
    const figures = known({ readiness: { ...readiness, owner: { ...owner, lag } } })
    expect(glance(figures, 40)[1]).toMatch(new RegExp(`; ${text}$`))
    expect(ownerAsHtml(figures)).toContain(`; ${text}.`)
  })
})
