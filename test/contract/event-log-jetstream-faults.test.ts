import { jetstreamManager } from '@nats-io/jetstream'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { Publisher } from '../../src/log/jetstream/publisher.ts'
import { event, idsOf, readTo, seqsTo } from '../support/entries.ts'
import { JetStreamLogs } from '../support/jetstream-logs.ts'
import { natsServerBinary } from '../support/nats-server.ts'
import { ongoingRead } from '../support/ongoing-read.ts'
import { seeded } from '../support/random.ts'

describe.skipIf(!natsServerBinary())('the event log in JetStream', () => {
  const logs = new JetStreamLogs()
  const published = vi.spyOn(Publisher.prototype, 'publish')
  beforeEach(() => {
    published.mockClear()
  })

  test('holds what was acknowledged once, in order and without a gap, when the server is killed -9 under load', async () => {
    const random = seeded('kill -9 of the server while appending')
    const acknowledged: { partition: number; seq: number; id: string }[] = []
    let isOver = false
    const lane = async (partition: number, name: string): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        const id = `${name}.${n}`
        acknowledged.push({ partition, id, seq: await logs.log.append(partition, [event(id)]) })
      }
    }
    const lanes = Array.from({ length: 24 }, (_, i) => lane(i % 3, `lane${i}`))
    for (let round = 0; round < 5; round++) {
      const goal = acknowledged.length + random.int(1, 500)
      await vi.waitUntil(() => acknowledged.length >= goal, { timeout: 20_000, interval: 1 })
      await logs.server.kill()
      await logs.server.restart()
    }
    isOver = true
    await Promise.all(lanes)
    for (const partition of [0, 1, 2]) {
      const entries = await readTo(logs.log, partition, (await logs.log.bounds(partition)).last)
      expect(entries.map(({ seq }) => seq)).toEqual(seqsTo(entries.length))
      const own = acknowledged.filter(each => each.partition === partition)
      const kept = entries.flatMap(({ seq, events }) => events.map(({ id }) => `${seq} ${id}`))
      expect(kept.toSorted()).toEqual(own.map(({ seq, id }) => `${seq} ${id}`).toSorted())
      for (const lane of new Set(own.map(({ id }) => id.split('.')[0]))) {
        const numbers = idsOf(entries)
          .filter(id => id.startsWith(`${lane}.`))
          .map(id => Number(id.split('.')[1]))
        expect(numbers).toEqual(numbers.map((_, i) => i))
      }
    }
  })

  test('lets an append wait for a server that is frozen, and holds it once though it was sent again', async () => {
    await logs.fill(1)
    published.mockClear()
    await logs.server.pause()
    let settled = false
    const append = logs.log.append(0, [event('once')]).finally(() => {
      settled = true
    })
    await vi.waitUntil(() => published.mock.calls.length >= 2, 10_000)
    expect(settled).toBe(false)
    logs.server.resume()
    expect(await append).toBe(2)
    expect(await logs.log.append(0, [event('next')])).toBe(3)
    expect(idsOf(await readTo(logs.log, 0, 3))).toEqual(['e1', 'once', 'next'])
  })

  test('makes what was appended while there was no server durable when it is back', async () => {
    await logs.server.kill()
    const appends = Promise.all([0, 1, 0].map((partition, i) => logs.log.append(partition, [event(`e${i}`)])))
    await logs.server.restart()
    await appends
    expect(idsOf(await readTo(logs.log, 0, (await logs.log.bounds(0)).last))).toEqual(['e0', 'e2'])
    expect(idsOf(await readTo(logs.log, 1, 1))).toEqual(['e1'])
  })

  test('gives an append up when there is no server for too long, and takes the next when it is back', async () => {
    const hasty = await logs.open({ deadlineMs: 300 })
    await logs.server.kill()
    await expect(hasty.append(0, [event('lost')])).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    await expect(hasty.bounds(0)).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    await logs.server.restart()
    await vi.waitUntil(() => hasty.append(0, [event('kept')]).catch(() => 0), 10_000)
    expect(new Set(idsOf(await readTo(hasty, 0, 1)))).toEqual(new Set(['kept']))
  })

  test.each([
    ['there is no server', () => logs.server.kill()],
    ['the server is frozen', () => logs.server.pause()],
  ])(
    'closes though %s, and settles what waits',
    async (_, disturb) => {
      const hasty = await logs.open({ deadlineMs: 300 })
      await disturb()
      const append = expect(hasty.append(0, [event('lost')])).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
      await hasty.close()
      await append
      logs.server.resume()
    },
    10_000,
  )

  test.each([
    ['was killed -9', () => logs.server.restart()],
    [
      'was frozen',
      async () => {
        await logs.server.pause()
        // Longer than the reader bears silence.
        await expect(logs.server.connect(2_500)).rejects.toThrow()
        logs.server.resume()
      },
    ],
  ])('goes on reading where it was when the server %s', async (_, disturb) => {
    const { entries, abort, ended } = ongoingRead(await logs.open())
    await logs.fill(100)
    await vi.waitUntil(() => entries.length === 100)
    await disturb()
    await logs.fill(100, 101)
    await vi.waitUntil(() => entries.length >= 200, 10_000)
    expect(idsOf(entries)).toEqual(seqsTo(200).map(n => `e${n}`))
    abort.abort()
    expect(await ended).toBe('aborted')
  })

  test('goes on reading when the server lost its consumer', async () => {
    const { entries, abort, ended } = ongoingRead(logs.log)
    await logs.fill(10)
    await vi.waitUntil(() => entries.length === 10)
    const connection = await logs.server.connect()
    const { consumers } = await jetstreamManager(connection)
    for await (const { name } of consumers.list('ROLLCALL_0')) await consumers.delete('ROLLCALL_0', name)
    await connection.close()
    await logs.fill(10, 11)
    await vi.waitUntil(() => entries.length >= 20, 10_000)
    expect(idsOf(entries)).toEqual(seqsTo(20).map(n => `e${n}`))
    abort.abort()
    expect(await ended).toBe('aborted')
  })

  test('ends a read that is aborted while there is no server', async () => {
    const hasty = await logs.open({ deadlineMs: 300 })
    const { entries, abort, ended } = ongoingRead(hasty)
    await logs.fill(1)
    await vi.waitUntil(() => entries.length === 1)
    await logs.server.kill()
    await expect(hasty.bounds(0)).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    abort.abort()
    expect(await ended).toBe('aborted')
  })

  test('ends its reads when it is closed', async () => {
    const { entries, ended } = ongoingRead(logs.log)
    await logs.fill(1)
    await vi.waitUntil(() => entries.length === 1)
    await logs.log.close()
    expect(await ended).toBe('aborted')
  })
})
