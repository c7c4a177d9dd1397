import type { MessagePort } from 'node:worker_threads'
import { beforeEach, describe, expect, test } from 'vitest'
import { Readers } from '../src/log/embedded/readers.ts'
import { ManualTime } from './support/time.ts'

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
})
