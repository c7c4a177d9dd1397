import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, test, vi } from 'vitest'
import type { Entry } from '../../src/log/index.ts'
import { roomForHighWater } from '../../src/log/jetstream/high-water.ts'
import { event, idsOf, readTo, seqsTo } from '../support/entries.ts'
import { JetStreamLogs } from '../support/jetstream-logs.ts'
import { natsServerBinary } from '../support/nats-server.ts'
import { ongoingRead } from '../support/ongoing-read.ts'

describe.skipIf(!natsServerBinary())('the event log in JetStream, of which entries or streams are lost,', () => {
  const logs = new JetStreamLogs()

  const withStreams = async (
    work: (streams: Awaited<ReturnType<typeof jetstreamManager>>['streams']) => Promise<unknown>,
  ) => {
    const connection = await logs.server.connect()
    await work((await jetstreamManager(connection)).streams)
    await connection.close()
  }

  test.each([
    ['fewer', 3],
    ['more', 30],
  ])('ends a read with RC_LOG_BEHIND when the streams were made anew and hold %s entries', async (_, entries) => {
    await logs.fill(10)
    const reading = ongoingRead(logs.log)
    await vi.waitUntil(() => reading.entries.length === 10)
    await withStreams(async streams => {
      for (const p of [0, 1, 2]) await streams.delete(`ROLLCALL_${p}`)
    })
    await logs.fill(entries, 1, await logs.open())
    expect(await reading.ended).toBe('RC_LOG_BEHIND')
    expect(reading.entries).toHaveLength(10)
  })

  test('refuses to read on in streams that were made anew and hold more', async () => {
    await withStreams(async streams => {
      for (const p of [0, 1, 2]) await streams.delete(`ROLLCALL_${p}`)
    })
    await logs.fill(10, 1, await logs.open())
    expect(await ongoingRead(logs.log, 3).ended).toBe('RC_LOG_BEHIND')
  })

  test('ends a read with RC_LOG_BEHIND when the stream is gone', async () => {
    const { ended } = ongoingRead(logs.log)
    await logs.fill(1)
    await withStreams(streams => streams.delete('ROLLCALL_0'))
    expect(await ended).toBe('RC_LOG_BEHIND')
    await expect(logs.log.bounds(0)).rejects.toMatchObject({ code: 'RC_LOG_BEHIND' })
  })

  test('ends a read with RC_LOG_BEHIND when the stream holds less than was read', async () => {
    await logs.fill(2)
    expect(await ongoingRead(logs.log, 3).ended).toBe('RC_LOG_BEHIND')
  })

  const behind = (work: Promise<unknown>) => expect(work).rejects.toMatchObject({ code: 'RC_LOG_BEHIND' })

  test('appends nothing more, and reads no more, when the server came back with less than was acknowledged', async () => {
    await logs.fill(3)
    await logs.server.keep()
    const { entries, ended } = ongoingRead(logs.log)
    await logs.fill(4, 4)
    await vi.waitUntil(() => entries.length === 7)
    await logs.server.putBack()
    await behind(logs.log.append(0, [event('passed over')]))
    await behind(logs.log.append(0, [event('passed over too')]))
    expect(await ended).toBe('RC_LOG_BEHIND')
    expect((await logs.log.bounds(0)).last).toBe(3)
  })

  test('appends nothing more when the server came back with less than another thread has seen', async () => {
    const highWater = roomForHighWater(3)
    const [one, other] = [await logs.open({ highWater }), await logs.open({ highWater })]
    await logs.fill(3, 1, one)
    await logs.server.keep()
    await logs.fill(1, 4, other)
    await logs.server.putBack()
    await behind(one.append(0, [event('passed over')]))
    const late = await logs.open({ highWater })
    await behind(late.append(0, [event('passed over')]))
    expect((await late.bounds(0)).last).toBe(3)
    expect(await one.append(1, [event('of another partition')])).toBe(1)
  })

  test('goes on when the server came back with all that was seen', async () => {
    await logs.fill(3)
    await logs.server.keep()
    await logs.server.putBack()
    expect(await logs.log.append(0, [event('e4')])).toBe(4)
  })

  test('acknowledges nothing that takes the seq of what was read before, in a stream of the same name', async () => {
    await logs.fill(3)
    await withStreams(async streams => {
      const { config } = await streams.info('ROLLCALL_0')
      await streams.delete('ROLLCALL_0')
      await streams.add(config)
    })
    await behind(logs.log.append(0, [event('passed over')]))
    for (let n = 2; n <= 5; n++) await behind(logs.log.append(0, [event(`passed over ${n}`)]))
    expect((await logs.log.bounds(0)).last).toBe(1)
  })

  test('ends a read when other entries came in the place of those that were read and lost', async () => {
    await logs.fill(1)
    await logs.server.keep()
    await logs.fill(2, 2)
    const { entries, ended } = ongoingRead(logs.log)
    await vi.waitUntil(() => entries.length === 3)
    await logs.server.putBack()
    const other = await logs.open()
    for (let n = 2; n <= 5; n++) await other.append(0, [event(`other ${n}`)])
    expect(await ended).toBe('RC_LOG_BEHIND')
    expect(idsOf(entries)).toEqual(['e1', 'e2', 'e3'])
  })

  test('appends to a stream that was renewed after its tail was lost', async () => {
    await logs.fill(1)
    await logs.server.keep()
    await logs.fill(2, 2)
    await logs.server.putBack()
    await behind(logs.log.append(0, [event('passed over')]))
    await logs.log.renew(0, 10)
    expect(await logs.log.append(0, [event('e10')])).toBe(10)
  })

  test('appends to a stream that another process began anew once the checkpoint goes on with it', async () => {
    await logs.fill(3)
    let committed = 'nothing'
    const follower = await logs.open({ goesOnWith: async (_, incarnation) => incarnation === committed })
    await logs.log.renew(0, 10)
    await behind(follower.append(0, [event('passed over')]))
    committed = (await logs.log.bounds(0)).incarnation
    expect(await follower.append(0, [event('e10')])).toBe(10)
    expect(idsOf(await readTo(follower, 0, 10, 9))).toEqual(['e10'])
  })

  test('ends a read with RC_LOG_TRUNCATED when what follows is purged under it', async () => {
    await logs.fill(300)
    const found: Entry[] = []
    const slow = (async () => {
      for await (const entries of logs.log.read(0, 0)) {
        if (found.length === 0) await logs.log.trim(0, 250)
        found.push(...entries)
      }
    })()
    await expect(slow).rejects.toMatchObject({ code: 'RC_LOG_TRUNCATED' })
    expect(found.map(({ seq }) => seq)).toEqual(seqsTo(found.length))
  })

  test('refuses to read what was trimmed', async () => {
    await logs.fill(5)
    await logs.log.trim(0, 4)
    expect(await ongoingRead(logs.log, 2).ended).toBe('RC_LOG_TRUNCATED')
    expect(idsOf(await readTo(logs.log, 0, 5, 3))).toEqual(['e4', 'e5'])
  })

  test('refuses to read what was purged though nothing is left behind it', async () => {
    await logs.fill(3)
    await withStreams(streams => streams.purge('ROLLCALL_0'))
    expect(await ongoingRead(logs.log, 2).ended).toBe('RC_LOG_TRUNCATED')
  })
})
