import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { followLog } from '../src/log/embedded/follower.ts'
import { Readers } from '../src/log/embedded/readers.ts'
import { openLog } from '../src/log/embedded/writer.ts'
import { event } from './support/entries.ts'
import { environments } from './support/environments.ts'
import { temporaryDirectory } from './support/server.ts'
import { ManualTime } from './support/time.ts'

vi.mock('lmdb', async original => (await import('./support/environments.ts')).noting(original))

describe('readers of the embedded log', () => {
  let time: ManualTime
  let durable: number[]
  let readers: Readers
  let told: [partition: number, seq: number][][]

  beforeEach(() => {
    time = new ManualTime()
    durable = [0, 0]
    readers = new Readers(time)
    told = []
    const postMessage = ({ durable }: { durable: (typeof told)[number] }) => told.push(durable)
    readers.add({ postMessage, on() {}, close() {} } as unknown as MessagePort)
  })

  const write = (partition: number): void => {
    durable[partition]!++
    readers.announce([[partition, durable[partition]!]])
  }

  test('are told at once of what comes alone', async () => {
    write(0)
    await time.advance(20)
    write(1)
    expect(told).toEqual([[[0, 1]], [[1, 1]]])
  })

  test('are told together, and once, of what comes within 20 ms', async () => {
    write(0)
    await time.advance(1)
    write(0)
    write(1)
    write(0)
    await time.advance(18)
    expect(told).toHaveLength(1)
    await time.advance(1)
    expect(told.slice(1)).toEqual([
      [
        [0, 3],
        [1, 1],
      ],
    ])
  })

  test('are told at once of a log that was taken over, and of all else with it', async () => {
    write(0)
    write(0)
    readers.tell([[1, 7]])
    await time.advance(100)
    expect(told.slice(1)).toEqual([
      [
        [0, 2],
        [1, 7],
      ],
    ])
  })

  test('are told in their own thread too', async () => {
    write(0)
    const arrival = readers.arrivals.next(0)
    write(0)
    await time.advance(20)
    await arrival
  })

  test('are told nothing more of a log that is closed', async () => {
    write(0)
    write(0)
    readers.close()
    await time.advance(100)
    expect([told.length, time.timers]).toEqual([1, 0])
  })

  test('are told nothing of what could not be flushed, though others were still to be told of', async () => {
    const path = temporaryDirectory()
    const log = await openLog(path, 1, {}, time)
    const { port1, port2 } = new MessageChannel()
    log.serve(port1)
    const follower = await followLog(path, port2)
    const last = async (): Promise<number> => (await follower.bounds(0)).last
    await log.takeOver()
    await time.advance(20)
    await log.append(0, [event('told')])
    await vi.waitFor(async () => expect(await last()).toBe(1))
    await log.append(0, [event('to be told')])
    vi.spyOn(environments[0]!, 'flushed', 'get').mockImplementationOnce(() => Promise.reject(new Error('full')))
    await expect(log.append(0, [event('lost')])).rejects.toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
    await time.advance(20)
    await vi.waitFor(async () => expect(await last()).toBe(2))
    expect(await log.bounds(0)).toMatchObject({ last: 2 })
    await follower.close()
    await log.close()
  })
})
