import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../../actors/event.ts'
import { fingerprintOf } from '../../src/log/fingerprint.ts'
import type { EventLog, Seq } from '../../src/log/index.ts'
import { Columns, placed, Rows } from '../../src/log/rows.ts'
import { event, idsOf, readTo, seqsTo } from '../support/entries.ts'
import { seeded } from '../support/random.ts'

/** A fresh, empty log of at least three partitions. */
export interface OpenedLog {
  log: EventLog
  /** another reader of the same log */
  reader(): Promise<EventLog>
  /** Appends an entry that is kept with another bit than was written. Resolves with its seq. */
  flip(partition: number, events: Event[], bit: number): Promise<Seq>
  /** the same log, closed and opened anew */
  again(): Promise<EventLog>
  destroy(): Promise<void>
}

/** The contract of every event log. */
export function eventLogContract(name: string, open: () => Promise<OpenedLog>): void {
  describe(`the event log, ${name},`, () => {
    let opened: OpenedLog
    let log: EventLog

    beforeEach(async () => {
      opened = await open()
      log = opened.log
    })
    afterEach(() => opened.destroy())

    const readers: [string, () => Promise<EventLog>][] = [
      ['the one who appends', async () => log],
      ['another reader', () => opened.reader()],
    ]

    /** Appends one entry after the other, so that there are as many entries as appends. */
    const fill = async (entries: number, partition = 0): Promise<void> => {
      for (let n = 1; n <= entries; n++) await log.append(partition, [event(`e${n}`)])
    }

    test('numbers the entries of each partition from 1, without a gap, however many append at once', async () => {
      const partitions = [0, 1, 2]
      const appends = Array.from({ length: 600 }, (_, i) => log.append(i % 3, [event(`e${i}`)]))
      const seqs = await Promise.all(appends)
      for (const p of partitions) {
        const own = [...new Set(seqs.filter((_, i) => i % 3 === p))].sort((a, b) => a - b)
        expect(own).toEqual(seqsTo(own.length))
        expect((await readTo(log, p, own.length)).map(({ seq }) => seq)).toEqual(own)
      }
    })

    test('keeps the events of an append together and in order, in the entry it names', async () => {
      const random = seeded('appends at once')
      const appends = Array.from({ length: 300 }, (_, a) =>
        Array.from({ length: a === 7 ? 2_500 : random.int(1, 20) }, (_, e) => event(`${a}.${e}`)),
      )
      const seqs = await Promise.all(appends.map(events => log.append(0, events)))
      const entries = await readTo(log, 0, Math.max(...seqs))
      appends.forEach((events, a) => {
        const { events: kept } = entries[seqs[a]! - 1]!
        const from = kept.findIndex(({ id }) => id === `${a}.0`)
        expect(kept.slice(from, from + events.length)).toEqual(events)
      })
      expect(entries.flatMap(({ events }) => events).length).toBe(appends.flat().length)
    })

    test('keeps rows as the heartbeats that they are, among other events', async () => {
      const bytes = Buffer.from('ann ben ü')
      const place = placed({ path: '/live/a', stream: 'a', country: 'TW', groups: ['g'] })!
      const keys = Int32Array.from([0, 3, 0, 4, 7, 0, 8, 10, 0])
      const ats = Float64Array.from([1, 1_700_000_000_000, 3])
      const rows = new Rows(new Columns({ bytes, keys, ats, arrival: 1_700_000_000_000, places: Array(3).fill(place) }))
      rows.rows.push(2, 0, 1)
      const seqs = await Promise.all([log.append(0, [event('a')]), log.append(0, rows), log.append(0, [event('b')])])
      const events = (await readTo(log, 0, Math.max(...seqs))).flatMap(({ events }) => events)
      expect(events).toEqual([event('a'), ...rows, event('b')])
      expect([...rows].map(({ key, at }) => `${key} ${at}`)).toEqual(['ü 3', 'ann 1', 'ben 1700000000000'])
    })

    test.each(readers)('gives %s every entry once and in order, from wherever it begins', async (_, reader) => {
      await fill(150)
      const reading = await reader()
      for (const after of [0, 1, 63, 64, 65, 128, 149]) {
        const found = await readTo(reading, 0, 150, after)
        expect(found).toEqual(seqsTo(150, after).map(seq => ({ seq, events: [event(`e${seq}`)] })))
      }
    })

    test.each(readers)('lets %s wait at the end and wakes it with what comes', async (_, reader) => {
      await fill(2)
      const reading = (await reader()).read(0, 2)[Symbol.asyncIterator]()
      let came = false
      const next = reading.next().finally(() => {
        came = true
      })
      await log.append(1, [event('elsewhere')])
      expect(came).toBe(false)
      await log.append(0, [event('here')])
      expect((await next).value).toEqual([{ seq: 3, events: [event('here')] }])
    })

    test.each(readers)('ends the waiting read of %s when it is aborted', async (_, reader) => {
      await fill(1)
      const abort = new AbortController()
      const next = (await reader()).read(0, 1, abort.signal)[Symbol.asyncIterator]().next()
      abort.abort()
      expect(await next).toEqual({ done: true, value: undefined })
    })

    test('gives nothing to a read that is aborted before it begins', async () => {
      await fill(1)
      expect((await log.read(0, 0, AbortSignal.abort())[Symbol.asyncIterator]().next()).done).toBe(true)
    })

    test('wakes everyone who waits', async () => {
      const all = [log, log, await opened.reader(), await opened.reader()]
      const reads = all.map(reader => readTo(reader, 0, 1))
      await log.append(0, [event('e1')])
      expect((await Promise.all(reads)).map(idsOf)).toEqual([['e1'], ['e1'], ['e1'], ['e1']])
    })

    test.each(readers)('tells %s that an empty partition has first 1 and last 0', async (_, reader) => {
      expect(await (await reader()).bounds(2)).toMatchObject({ first: 1, last: 0 })
    })

    test.each(readers)('tells %s the last entry of a filled partition', async (_, reader) => {
      await fill(3)
      const reading = await reader()
      await readTo(reading, 0, 3)
      expect(await reading.bounds(0)).toMatchObject({ first: 1, last: 3 })
    })

    test('keeps its incarnation when it is opened again, in all partitions and for all readers', async () => {
      const { incarnation } = await log.bounds(0)
      const after = await opened.again()
      const all = [await after.bounds(0), await after.bounds(1), await (await opened.reader()).bounds(2)]
      expect(all.map(bounds => bounds.incarnation)).toEqual([incarnation, incarnation, incarnation])
    })

    test('has another incarnation than another log', async () => {
      const other = await open()
      const [mine, its] = [await log.bounds(0), await other.log.bounds(0)]
      await other.destroy()
      expect(its.incarnation).not.toBe(mine.incarnation)
    })

    test('holds everything when it is opened again, and goes on behind it', async () => {
      await fill(5)
      await fill(2, 1)
      const after = await opened.again()
      const bounds = await Promise.all([0, 1, 2].map(p => after.bounds(p)))
      expect(bounds.map(({ last }) => last)).toEqual([5, 2, 0])
      expect(await after.append(0, [event('e6')])).toBe(6)
      expect(idsOf(await readTo(after, 0, 6))).toEqual(['e1', 'e2', 'e3', 'e4', 'e5', 'e6'])
      expect(idsOf(await readTo(after, 1, 2))).toEqual(['e1', 'e2'])
    })

    test('tells one entry from another, the same to all readers, and of none that is not held', async () => {
      const seqs = [
        await log.append(0, [event('a')]),
        await log.append(0, [event('b')]),
        await log.append(1, [event('a')]),
      ]
      const marks = [await log.mark(0, seqs[0]!), await log.mark(0, seqs[1]!), await log.mark(1, seqs[2]!)]
      expect(marks[0]).not.toBe(marks[1])
      expect(marks[2]).toBe(marks[0])
      const [first] = await readTo(log, 0, seqs[0]!)
      expect(fingerprintOf(first!)).toBe(marks[0])
      const other = await opened.reader()
      expect([await other.mark(0, seqs[0]!), await other.mark(0, 0), await other.mark(0, 99)]).toEqual([
        marks[0],
        null,
        null,
      ])
      await log.trim(0, seqs[1]!)
      expect([await log.mark(0, seqs[0]!), await log.mark(0, seqs[1]!)]).toEqual([null, marks[1]])
    })

    test('gives no more entries at once than hold the events of one that is full', async () => {
      const full = Array.from({ length: 400 }, (_, n) => event(`${n}`))
      let last = 0
      for (let n = 0; n < 5; n++) last = await log.append(0, full)
      for await (const entries of log.read(0, 0)) {
        const before = entries.slice(0, -1).reduce((sum, { events }) => sum + events.length, 0)
        expect(before).toBeLessThan(1_000)
        if (entries.at(-1)!.seq === last) break
      }
    })

    test('keeps partitions apart', async () => {
      await Promise.all([0, 1, 2].map(p => log.append(p, [event(`p${p}`)])))
      await log.append(1, [event('p1 again')])
      const all = await Promise.all([readTo(log, 0, 1), readTo(log, 1, 2), readTo(log, 2, 1)])
      expect(all.map(idsOf)).toEqual([['p0'], ['p1', 'p1 again'], ['p2']])
    })

    test('gives facts back as they were', async () => {
      const odd = event('', {
        ...{ key: 'ключ-😀', path: '/a?b=ü#\u0000', text: '\u2028 "quoted" \\ 漢字 👩‍👩‍👧', long: 'ß'.repeat(10_000) },
        ...{ nothing: null, yes: true, no: false, zero: 0, part: -1.5, great: Number.MAX_SAFE_INTEGER },
        nested: { list: [1, 'two', null, { three: [[], {}] }], '': 'no name', '$dotted.name': {} },
      })
      const seq = await log.append(0, [odd])
      expect(await readTo(log, 0, seq)).toEqual([{ seq, events: [odd] }])
    })

    test('gives back events of many shapes in one append', async () => {
      const events = Array.from({ length: 500 }, (_, i) =>
        event(`e${i}`, { [`fact${i}`]: i, [`other${i % 50}`]: { i } }),
      )
      const seq = await log.append(0, events)
      expect((await readTo(log, 0, seq))[0]!.events).toEqual(events)
    })

    test.each([
      [1, 0, 1],
      [3, 2, 3],
      [5, 4, 5],
      [99, 4, 5],
    ])('forgets what is below %i and never the last entry, and says so', async (below, gone, first) => {
      await fill(5)
      expect(await log.trim(0, below)).toBe(gone)
      expect(await log.bounds(0)).toMatchObject({ first, last: 5 })
      expect((await readTo(log, 0, 5, first - 1)).map(({ seq }) => seq)).toEqual(seqsTo(5, first - 1))
    })

    test('forgets nothing of other partitions, nor of an empty one', async () => {
      await fill(3)
      await fill(2, 1)
      expect([await log.trim(0, 3), await log.trim(2, 7)]).toEqual([2, 0])
      expect(await log.bounds(1)).toMatchObject({ first: 1, last: 2 })
      expect(await log.bounds(2)).toMatchObject({ first: 1, last: 0 })
    })

    test.each(readers)('tells %s that what it reads was forgotten', async (_, reader) => {
      await fill(5)
      const reading = await reader()
      await log.trim(0, 4)
      await expect(readTo(reading, 0, 5, 2)).rejects.toMatchObject({ code: 'RC_LOG_TRUNCATED' })
    })

    test('has forgotten what it forgot when it is opened again, and goes on behind the rest', async () => {
      await fill(3)
      await log.trim(0, 3)
      const after = await opened.again()
      expect(await after.bounds(0)).toMatchObject({ first: 3, last: 3 })
      expect(await after.append(0, [event('e4')])).toBe(4)
      expect(idsOf(await readTo(after, 0, 4, 2))).toEqual(['e3', 'e4'])
    })

    test.each(
      readers,
    )('names to %s an entry with another bit than was written, and all before it come', async (_, reader) => {
      await fill(3)
      for (const bit of [1, 9, 70, 400]) {
        const seq = await opened.flip(0, [event('flipped')], bit)
        await log.append(0, [event('after')])
        const found: Seq[] = []
        const reading = (async () => {
          const { first } = await log.bounds(0)
          for await (const entries of (await reader()).read(0, first - 1)) found.push(...entries.map(({ seq }) => seq))
        })()
        const message = expect.stringContaining(`artition 0: entry ${seq} `)
        await expect(reading, `bit ${bit}`).rejects.toMatchObject({ code: 'RC_LOG_CORRUPT', message })
        expect(found.at(-1)).toBe(seq - 1)
        await expect(log.mark(0, seq)).rejects.toMatchObject({ code: 'RC_LOG_CORRUPT', message })
        await log.trim(0, seq + 1)
      }
    })

    test('keeps nobody from the other partitions', async () => {
      await opened.flip(0, [event('flipped')], 70)
      await fill(2, 1)
      expect(idsOf(await readTo(log, 1, 2))).toEqual(['e1', 'e2'])
    })

    test('refuses every append after it is closed', async () => {
      await fill(1)
      await log.close()
      for (const id of ['at once', 'later']) {
        await expect(log.append(0, [event(id)])).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
      }
    }, 10_000)

    test('settles the appends that are under way when it closes, and holds what it acknowledged', async () => {
      const under = Array.from({ length: 30 }, (_, i) => log.append(0, [event(`e${i}`)]))
      const settled = Promise.allSettled(under)
      await log.close()
      const acknowledged = (await settled).flatMap(({ status }, i) => (status === 'fulfilled' ? [`e${i}`] : []))
      const after = await opened.again()
      const { last } = await after.bounds(0)
      const kept = last > 0 ? idsOf(await readTo(after, 0, last)) : []
      expect(acknowledged.filter(id => !kept.includes(id))).toEqual([])
    }, 10_000)
  })
}
