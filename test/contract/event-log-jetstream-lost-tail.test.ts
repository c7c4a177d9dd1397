import { jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Entry } from '../../src/log/index.ts'
import { roomForHighWater } from '../../src/log/jetstream/high-water.ts'
import { type JetStreamLog, type JetStreamOptions, openJetStreamLog } from '../../src/log/jetstream/index.ts'
import { event, idsOf, readTo, seqsTo } from '../support/entries.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { ongoingRead } from '../support/ongoing-read.ts'

describe.skipIf(!natsServerBinary())('the event log in JetStream, of which entries or streams are lost,', () => {
  let server: NatsServer
  let log: JetStreamLog
  const opened: JetStreamLog[] = []
  const open = async (options: Partial<JetStreamOptions> = {}): Promise<JetStreamLog> => {
    opened.push(await openJetStreamLog({ url: server.url, partitions: 3, settings: {}, ...options }))
    return opened.at(-1)!
  }
  const fill = async (entries: number, from = 1, on = log): Promise<void> => {
    for (let n = from; n < from + entries; n++) await on.append(0, [event(`e${n}`)])
  }

  beforeEach(async () => {
    server = await startNatsServer()
    log = await open()
  })
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close()
    await server.stop()
  })

  const withStreams = async (
    work: (streams: Awaited<ReturnType<typeof jetstreamManager>>['streams']) => Promise<unknown>,
  ) => {
    const connection = await server.connect()
    await work((await jetstreamManager(connection)).streams)
    await connection.close()
  }

  test.each([
    ['fewer', 3],
    ['more', 30],
  ])('ends a read with RC_LOG_BEHIND when the streams were made anew and hold %s entries', async (_, entries) => {
    await fill(10)
    const reading = ongoingRead(log)
    await vi.waitUntil(() => reading.entries.length === 10)
    await withStreams(async streams => {
      for (const p of [0, 1, 2]) await streams.delete(`ROLLCALL_${p}`)
    })
    await fill(entries, 1, await open())
    expect(await reading.ended).toBe('RC_LOG_BEHIND')
    expect(reading.entries).toHaveLength(10)
  })

  test('refuses to read on in streams that were made anew and hold more', async () => {
    await withStreams(async streams => {
      for (const p of [0, 1, 2]) await streams.delete(`ROLLCALL_${p}`)
    })
    await fill(10, 1, await open())
    expect(await ongoingRead(log, 3).ended).toBe('RC_LOG_BEHIND')
  })

  test('ends a read with RC_LOG_BEHIND when the stream is gone', async () => {
    const { ended } = ongoingRead(log)
    await fill(1)
    await withStreams(streams => streams.delete('ROLLCALL_0'))
    expect(await ended).toBe('RC_LOG_BEHIND')
    await expect(log.bounds(0)).rejects.toMatchObject({ code: 'RC_LOG_BEHIND' })
  })

  test('ends a read with RC_LOG_BEHIND when the stream holds less than was read', async () => {
    await fill(2)
    expect(await ongoingRead(log, 3).ended).toBe('RC_LOG_BEHIND')
  })

  const behind = (work: Promise<unknown>) => expect(work).rejects.toMatchObject({ code: 'RC_LOG_BEHIND' })

  test('appends nothing more, and reads no more, when the server came back with less than was acknowledged', async () => {
    await fill(3)
    await server.keep()
    const { entries, ended } = ongoingRead(log)
    await fill(4, 4)
    await vi.waitUntil(() => entries.length === 7)
    await server.putBack()
    await behind(log.append(0, [event('passed over')]))
    await behind(log.append(0, [event('passed over too')]))
    expect(await ended).toBe('RC_LOG_BEHIND')
    expect((await log.bounds(0)).last).toBe(3)
  })

  test('appends nothing more when the server came back with less than another thread has seen', async () => {
    const highWater = roomForHighWater(3)
    const [one, other] = [await open({ highWater }), await open({ highWater })]
    await fill(3, 1, one)
    await server.keep()
    await fill(1, 4, other)
    await server.putBack()
    await behind(one.append(0, [event('passed over')]))
    const late = await open({ highWater })
    await behind(late.append(0, [event('passed over')]))
    expect((await late.bounds(0)).last).toBe(3)
    expect(await one.append(1, [event('of another partition')])).toBe(1)
  })

  test('goes on when the server came back with all that was seen', async () => {
    await fill(3)
    await server.keep()
    await server.putBack()
    expect(await log.append(0, [event('e4')])).toBe(4)
  })

  test('acknowledges nothing that takes the seq of what was read before, in a stream of the same name', async () => {
    await fill(3)
    await withStreams(async streams => {
      const { config } = await streams.info('ROLLCALL_0')
      await streams.delete('ROLLCALL_0')
      await streams.add(config)
    })
    await behind(log.append(0, [event('passed over')]))
    for (let n = 2; n <= 5; n++) await behind(log.append(0, [event(`passed over ${n}`)]))
    expect((await log.bounds(0)).last).toBe(1)
  })

  test('ends a read when other entries came in the place of those that were read and lost', async () => {
    await fill(1)
    await server.keep()
    await fill(2, 2)
    const { entries, ended } = ongoingRead(log)
    await vi.waitUntil(() => entries.length === 3)
    await server.putBack()
    const other = await open()
    for (let n = 2; n <= 5; n++) await other.append(0, [event(`other ${n}`)])
    expect(await ended).toBe('RC_LOG_BEHIND')
    expect(idsOf(entries)).toEqual(['e1', 'e2', 'e3'])
  })

  test('appends to a stream that was renewed after its tail was lost', async () => {
    await fill(1)
    await server.keep()
    await fill(2, 2)
    await server.putBack()
    await behind(log.append(0, [event('passed over')]))
    await log.renew(0, 10)
    expect(await log.append(0, [event('e10')])).toBe(10)
  })

  test('appends to a stream that another process began anew once the checkpoint goes on with it', async () => {
    await fill(3)
    let committed = 'nothing'
    const follower = await open({ goesOnWith: async (_, incarnation) => incarnation === committed })
    await log.renew(0, 10)
    await behind(follower.append(0, [event('passed over')]))
    committed = (await log.bounds(0)).incarnation
    expect(await follower.append(0, [event('e10')])).toBe(10)
    expect(idsOf(await readTo(follower, 0, 10, 9))).toEqual(['e10'])
  })

  test('ends a read with RC_LOG_TRUNCATED when what follows is purged under it', async () => {
    await fill(300)
    const found: Entry[] = []
    const slow = (async () => {
      for await (const entries of log.read(0, 0)) {
        if (found.length === 0) await log.trim(0, 250)
        found.push(...entries)
      }
    })()
    await expect(slow).rejects.toMatchObject({ code: 'RC_LOG_TRUNCATED' })
    expect(found.map(({ seq }) => seq)).toEqual(seqsTo(found.length))
  })

  test('refuses to read what was trimmed', async () => {
    await fill(5)
    await log.trim(0, 4)
    expect(await ongoingRead(log, 2).ended).toBe('RC_LOG_TRUNCATED')
    expect(idsOf(await readTo(log, 0, 5, 3))).toEqual(['e4', 'e5'])
  })

  test('refuses to read what was purged though nothing is left behind it', async () => {
    await fill(3)
    await withStreams(streams => streams.purge('ROLLCALL_0'))
    expect(await ongoingRead(log, 2).ended).toBe('RC_LOG_TRUNCATED')
  })
})
