import { jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type JetStreamLog, type JetStreamOptions, openJetStreamLog } from '../../src/log/jetstream/index.ts'
import { event, idsOf, readTo, seqsTo } from '../support/entries.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { ongoingRead } from '../support/ongoing-read.ts'
import { seeded } from '../support/random.ts'

const published = vi.hoisted(() => ({ count: 0 }))
vi.mock('@nats-io/jetstream', async original => {
  const real = await original<typeof import('@nats-io/jetstream')>()
  const jetstream = (...args: Parameters<typeof real.jetstream>) => {
    const client = real.jetstream(...args)
    const publish = client.publish.bind(client)
    client.publish = (...message) => {
      published.count++
      return publish(...message)
    }
    return client
  }
  return { ...real, jetstream }
})

describe.skipIf(!natsServerBinary())('the event log in JetStream', () => {
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
    published.count = 0
  })
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close()
    await server.stop()
  })

  test('holds what was acknowledged once, in order and without a gap, when the server is killed -9 under load', async () => {
    const random = seeded('kill -9 of the server while appending')
    const acknowledged: { partition: number; seq: number; id: string }[] = []
    let isOver = false
    const lane = async (partition: number, name: string): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        const id = `${name}.${n}`
        acknowledged.push({ partition, id, seq: await log.append(partition, [event(id)]) })
      }
    }
    const lanes = Array.from({ length: 24 }, (_, i) => lane(i % 3, `lane${i}`))
    for (let round = 0; round < 5; round++) {
      const goal = acknowledged.length + random.int(1, 500)
      await vi.waitUntil(() => acknowledged.length >= goal, { timeout: 20_000, interval: 1 })
      await server.kill()
      await server.restart()
    }
    isOver = true
    await Promise.all(lanes)
    for (const partition of [0, 1, 2]) {
      const entries = await readTo(log, partition, (await log.bounds(partition)).last)
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
    await fill(1)
    published.count = 0
    await server.pause()
    let settled = false
    const append = log.append(0, [event('once')]).finally(() => {
      settled = true
    })
    await vi.waitUntil(() => published.count >= 2, 10_000)
    expect(settled).toBe(false)
    server.resume()
    expect(await append).toBe(2)
    expect(await log.append(0, [event('next')])).toBe(3)
    expect(idsOf(await readTo(log, 0, 3))).toEqual(['e1', 'once', 'next'])
  })

  test('makes what was appended while there was no server durable when it is back', async () => {
    await server.kill()
    const appends = Promise.all([0, 1, 0].map((partition, i) => log.append(partition, [event(`e${i}`)])))
    await server.restart()
    await appends
    expect(idsOf(await readTo(log, 0, (await log.bounds(0)).last))).toEqual(['e0', 'e2'])
    expect(idsOf(await readTo(log, 1, 1))).toEqual(['e1'])
  })

  test('gives an append up when there is no server for too long, and takes the next when it is back', async () => {
    const hasty = await open({ deadlineMs: 300 })
    await server.kill()
    await expect(hasty.append(0, [event('lost')])).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    await expect(hasty.bounds(0)).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    await server.restart()
    await vi.waitUntil(() => hasty.append(0, [event('kept')]).catch(() => 0), 10_000)
    expect(new Set(idsOf(await readTo(hasty, 0, 1)))).toEqual(new Set(['kept']))
  })

  test.each([
    ['there is no server', () => server.kill()],
    ['the server is frozen', () => server.pause()],
  ])(
    'closes though %s, and settles what waits',
    async (_, disturb) => {
      const hasty = await open({ deadlineMs: 300 })
      await disturb()
      const append = expect(hasty.append(0, [event('lost')])).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
      await hasty.close()
      await append
      server.resume()
    },
    10_000,
  )

  test.each([
    ['was killed -9', () => server.restart()],
    [
      'was frozen',
      async () => {
        await server.pause()
        // Longer than the reader bears silence.
        await expect(server.connect(2_500)).rejects.toThrow()
        server.resume()
      },
    ],
  ])('goes on reading where it was when the server %s', async (_, disturb) => {
    const { entries, abort, ended } = ongoingRead(await open())
    await fill(100)
    await vi.waitUntil(() => entries.length === 100)
    await disturb()
    await fill(100, 101)
    await vi.waitUntil(() => entries.length >= 200, 10_000)
    expect(idsOf(entries)).toEqual(seqsTo(200).map(n => `e${n}`))
    abort.abort()
    expect(await ended).toBe('aborted')
  })

  test('goes on reading when the server lost its consumer', async () => {
    const { entries, abort, ended } = ongoingRead(log)
    await fill(10)
    await vi.waitUntil(() => entries.length === 10)
    const connection = await server.connect()
    const { consumers } = await jetstreamManager(connection)
    for await (const { name } of consumers.list('ROLLCALL_0')) await consumers.delete('ROLLCALL_0', name)
    await connection.close()
    await fill(10, 11)
    await vi.waitUntil(() => entries.length >= 20, 10_000)
    expect(idsOf(entries)).toEqual(seqsTo(20).map(n => `e${n}`))
    abort.abort()
    expect(await ended).toBe('aborted')
  })

  test('ends a read that is aborted while there is no server', async () => {
    const hasty = await open({ deadlineMs: 300 })
    const { entries, abort, ended } = ongoingRead(hasty)
    await fill(1)
    await vi.waitUntil(() => entries.length === 1)
    await server.kill()
    await expect(hasty.bounds(0)).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    abort.abort()
    expect(await ended).toBe('aborted')
  })

  test('ends its reads when it is closed', async () => {
    const { entries, ended } = ongoingRead(log)
    await fill(1)
    await vi.waitUntil(() => entries.length === 1)
    await log.close()
    expect(await ended).toBe('aborted')
  })
})
