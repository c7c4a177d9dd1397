import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Event } from '../../actors/event.ts'
import { encode } from '../../src/log/entries.ts'
import type { EventLog } from '../../src/log/index.ts'
import { type JetStreamLog, openJetStreamLog } from '../../src/log/jetstream/index.ts'
import { event, idsOf, readTo, seqsTo } from '../support/entries.ts'
import { flipped } from '../support/flipped.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { eventLogContract, type OpenedLog } from './event-log.ts'

const PARTITIONS = 3
const SETTINGS = { zone: 'UTC', gapMs: 300_000 }
const idle: NatsServer[] = []

const openAt = ({ url }: NatsServer, settings: Record<string, string | number> = SETTINGS, partitions = PARTITIONS) =>
  openJetStreamLog({ url, partitions, settings })

async function deleteStreams(server: NatsServer): Promise<void> {
  const connection = await server.connect()
  const { streams } = await jetstreamManager(connection)
  for await (const { config } of streams.list()) await streams.delete(config.name)
  await connection.close()
}

async function openJetStream(): Promise<OpenedLog> {
  const server = idle.pop() ?? (await startNatsServer())
  const opened: EventLog[] = []
  const start = async (): Promise<EventLog> => {
    opened.push(await openAt(server))
    return opened.at(-1)!
  }
  const stop = async (): Promise<void> => {
    for (const log of opened.splice(0)) await log.close()
  }
  return {
    log: await start(),
    reader: start,
    async flip(partition, events, bit) {
      const seq = await opened.at(-1)!.append(partition, events)
      const connection = await server.connect()
      const { streams } = await jetstreamManager(connection)
      const { header: headers, data, subject } = (await streams.getMessage(`ROLLCALL_${partition}`, { seq }))!
      headers.delete('Nats-Msg-Id')
      const published = await jetstream(connection).publish(subject, flipped(data, bit), { headers })
      await connection.close()
      return published.seq
    },
    again: () => stop().then(start),
    destroy: async () => {
      await stop()
      await deleteStreams(server)
      idle.push(server)
    },
  }
}

describe.skipIf(!natsServerBinary())('with a nats-server', () => {
  eventLogContract('in JetStream', openJetStream)

  describe('the event log in JetStream', () => {
    let server: NatsServer
    const opened: JetStreamLog[] = []
    const open = async (...rest: [settings?: Record<string, string | number>, partitions?: number]) => {
      opened.push(await openAt(server, ...rest))
      return opened.at(-1)!
    }

    beforeAll(async () => {
      server = await startNatsServer()
    })
    afterEach(async () => {
      for (const log of opened.splice(0)) await log.close()
      await deleteStreams(server)
    })
    afterAll(() => server.stop())

    test('passes over what somebody else published, and says how much that was', async () => {
      const log = await open()
      await log.append(0, [event('a')])
      const connection = await server.connect()
      const { streams } = await jetstreamManager(connection)
      const { config } = await streams.info('ROLLCALL_0')
      const strange = [
        Buffer.from([0xc1]),
        Buffer.from('no msgpack'),
        '',
        encode('x' as never),
        encode([null, { kind: 'heartbeat' }, event('b')] as Event[]),
      ]
      for (const each of strange) await jetstream(connection).publish(config.subjects[0]!, each)
      await connection.close()
      const last = await log.append(0, [event('c')])
      const entries = await readTo(log, 0, last)
      expect(entries.map(({ strays = 0 }) => strays)).toEqual([0, 1, 1, 1, 1, 2, 0])
      expect(idsOf(entries)).toEqual(['a', 'b', 'c'])
    })

    test('keeps the settings it was made with, of both types', async () => {
      await open({ zone: 'Asia/Taipei', gapMs: 1 })
      const later = await open({ zone: 'UTC', gapMs: 2 })
      expect(later.settings).toEqual({ zone: 'Asia/Taipei', gapMs: 1 })
    })

    test('keeps how its settings changed, also where its first partition is renewed', async () => {
      const log = await open({ zone: 'UTC' })
      expect(log.changed).toBeNull()
      const changed = {
        settings: { zone: 'Asia/Taipei' },
        pending: { settings: { zone: 'UTC' }, from: 7, visitors: ['v'] },
      }
      await log.change(changed)
      await log.renew(0, 100)
      const later = await open({ zone: 'Asia/Taipei' })
      expect([later.settings, later.changed]).toEqual([{ zone: 'UTC' }, changed])
      await later.change({ settings: { zone: 'UTC' }, pending: null })
      expect((await open()).changed).toEqual({ settings: { zone: 'UTC' }, pending: null })
    })

    test('keeps the number of partitions it was made with', async () => {
      await open(SETTINGS, 2)
      await open(SETTINGS, 5)
      const connection = await server.connect()
      const names = await (await jetstreamManager(connection)).streams.names().next()
      await connection.close()
      expect(names.sort()).toEqual(['ROLLCALL_0', 'ROLLCALL_1'])
    })

    test('is one log though many make it at once', async () => {
      const logs = await Promise.all(Array.from({ length: 8 }, (_, i) => open({ maker: i })))
      const bounds = await Promise.all(logs.flatMap(log => [0, 1, 2].map(p => log.bounds(p))))
      expect(new Set(bounds.map(({ incarnation }) => incarnation)).size).toBe(1)
      expect(new Set(logs.map(({ settings }) => settings.maker)).size).toBe(1)
    })

    test('gives a partition whose stream was lost another incarnation, and only that', async () => {
      const before = await open()
      const was = await Promise.all([0, 1].map(p => before.bounds(p)))
      const connection = await server.connect()
      await (await jetstreamManager(connection)).streams.delete('ROLLCALL_1')
      await connection.close()
      const after = await open()
      const is = await Promise.all([0, 1].map(p => after.bounds(p)))
      expect(is.map(({ incarnation }, p) => incarnation === was[p]!.incarnation)).toEqual([true, false])
    })

    test('refuses streams it did not make', async () => {
      const connection = await server.connect()
      await (await jetstreamManager(connection)).streams.add({ name: 'ROLLCALL_0', subjects: ['rollcall.log.0'] })
      await connection.close()
      await expect(open()).rejects.toMatchObject({ code: 'RC_CONFIG_INVALID' })
    })

    test('says the version of the server', async () => {
      expect((await open()).version).toMatch(/^2\.\d+\.\d+/)
    })

    test('forgets nothing below 0, which the server takes for all', async () => {
      const log = await open()
      for (let n = 1; n <= 3; n++) await log.append(0, [event(`e${n}`)])
      expect(await log.trim(0, 0)).toBe(0)
      expect(await log.bounds(0)).toMatchObject({ first: 1, last: 3 })
    })

    test('has its first entry behind its last when all was purged, and goes on there', async () => {
      const log = await open()
      for (let n = 1; n <= 3; n++) await log.append(0, [event(`e${n}`)])
      const connection = await server.connect()
      await (await jetstreamManager(connection)).streams.purge('ROLLCALL_0')
      await connection.close()
      expect(await log.bounds(0)).toMatchObject({ first: 4, last: 3 })
      expect(await log.append(0, [event('e4')])).toBe(4)
      expect(idsOf(await readTo(log, 0, 4, 3))).toEqual(['e4'])
    })

    test('cuts an append that no message holds, and names it by its end', async () => {
      const log = await open()
      const events = Array.from({ length: 250 }, (_, i) => event(`e${i}`, { text: 'x'.repeat(8_000) }))
      const seqs = await Promise.all([
        log.append(0, [event('before')]),
        log.append(0, events),
        log.append(0, [event('after')]),
      ])
      const entries = await readTo(log, 0, Math.max(...seqs))
      expect(idsOf(entries)).toEqual(['before', ...events.map(({ id }) => id), 'after'])
      expect(entries[seqs[1]! - 1]!.events).toContainEqual(events.at(-1))
    })

    test('refuses an event that no message holds, and only that', async () => {
      const log = await open()
      const appends = ['before', 'huge', 'after'].map(id =>
        log.append(0, [event(id, id === 'huge' ? { text: 'x'.repeat(950_000) } : {})]),
      )
      await expect(appends[1]).rejects.toMatchObject({ code: 'RC_BODY_TOO_LARGE' })
      const last = Math.max(...(await Promise.all([appends[0], appends[2]])).map(Number))
      expect(idsOf(await readTo(log, 0, last))).toEqual(['before', 'after'])
    })

    const consumers = async (): Promise<number> => {
      const connection = await server.connect()
      const { state } = await (await jetstreamManager(connection)).streams.info('ROLLCALL_0')
      await connection.close()
      return state.consumer_count
    }

    /** the last seq the server gave to the only reader */
    const delivered = async (): Promise<number> => {
      const connection = await server.connect()
      const [consumer] = await (await jetstreamManager(connection)).consumers.list('ROLLCALL_0').next()
      await connection.close()
      return consumer!.delivered.stream_seq
    }

    test.each([
      [
        'is aborted while it waits',
        async (log: EventLog) => {
          const abort = new AbortController()
          const reading = log.read(0, 1, abort.signal)[Symbol.asyncIterator]().next()
          await vi.waitUntil(async () => (await consumers()) === 1)
          abort.abort()
          expect((await reading).done).toBe(true)
        },
      ],
      [
        'is aborted while its reader is busy',
        async (log: EventLog) => {
          const abort = new AbortController()
          await log.read(0, 0, abort.signal)[Symbol.asyncIterator]().next()
          expect(await consumers()).toBe(1)
          abort.abort()
        },
      ],
      [
        'is left',
        async (log: EventLog) => {
          for await (const _ of log.read(0, 0)) break
        },
      ],
    ])('leaves no consumer behind a read that %s', async (_, leave) => {
      const log = await open()
      await log.append(0, [event('e1')])
      await leave(log)
      await vi.waitUntil(async () => (await consumers()) === 0, 5_000)
    })

    test('asks for no more than two requests hold while its reader is busy', async () => {
      const log = await open()
      const append = async (to: number): Promise<void> => {
        for (let n = 0; n < to; n++) await log.append(0, [event(`${n}`)])
      }
      await append(200)
      const reading = log.read(0, 0)[Symbol.asyncIterator]()
      await reading.next()
      await append(200)
      expect(await delivered()).toBeLessThanOrEqual(128)
      await reading.return?.()
    })

    test('gives nothing more once it is aborted, whatever came already', async () => {
      const log = await open()
      const events = Array.from({ length: 1_000 }, (_, n) => event(`${n}`))
      await Promise.all([1, 2, 3, 4].map(() => log.append(0, events)))
      const abort = new AbortController()
      const reading = log.read(0, 0, abort.signal)[Symbol.asyncIterator]()
      await reading.next()
      await vi.waitUntil(async () => (await delivered()) === 4)
      // Its answer comes behind them.
      await log.bounds(0)
      expect((await reading.next()).done).toBe(false)
      abort.abort()
      expect((await reading.next()).done).toBe(true)
    })

    test('reads on for one who was busy for longer than the server waits', async () => {
      const log = await open()
      const reading = log.read(0, 0)[Symbol.asyncIterator]()
      for (let n = 1; n <= 200; n++) await log.append(0, [event(`e${n}`)])
      const found = [...(await reading.next()).value]
      const until = performance.now() + 3_000
      while (performance.now() < until);
      while (found.length < 200) found.push(...(await reading.next()).value)
      expect(idsOf(found)).toEqual(seqsTo(200).map(n => `e${n}`))
      await reading.return?.()
    })
  })
})
