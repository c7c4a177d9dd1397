import { beforeEach, describe, expect, test } from 'vitest'
import { Batches, JOINT_MS, type Outgoing } from '../src/log/batches.ts'
import { Gathering } from '../src/log/gathering.ts'
import type { Seq } from '../src/log/index.ts'
import { event } from './support/entries.ts'
import { ManualTime } from './support/time.ts'

describe('a gathering', () => {
  let gathering: Gathering
  const come = (callers: number): void => {
    for (let n = 0; n < callers; n++) gathering.add({})
  }
  const send = (callers: number): void => {
    come(callers)
    gathering.end()
  }
  const expected = (): number => {
    let callers = 0
    for (; !gathering.isComplete && callers < 100; callers++) come(1)
    return callers
  }
  beforeEach(() => {
    gathering = new Gathering()
  })

  test('expects as many callers as lately waited at once, and nobody at first', () => {
    expect(gathering.isComplete).toBe(true)
    send(3)
    expect(expected()).toBe(3)
  })

  test('counts the parts of a request as of one caller, and its next one anew', () => {
    const request = {}
    for (const caller of [{}, request]) for (let partition = 0; partition < 16; partition++) gathering.add(caller)
    gathering.end()
    gathering.add(request)
    expect(gathering.isComplete).toBe(false)
    gathering.add({})
    expect(gathering.isComplete).toBe(true)
  })

  test('expects those of the last send', () => {
    for (let callers = 0; callers < 2; callers++) gathering.add({})
    gathering.end()
    expect(expected()).toBe(2)
  })

  test('expects no more than are worth a send', () => {
    send(100)
    expect(expected()).toBe(8)
  })

  test('expects those who stay away less and less, and none of them after a few times', () => {
    send(8)
    for (let times = 0; times < 4; times++) send(1)
    come(1)
    expect(gathering.isComplete).toBe(false)
    gathering.end()
    for (let times = 0; times < 5; times++) send(1)
    expect(expected()).toBe(1)
  })
})

describe('joint batches', () => {
  let time: ManualTime
  let batches: Batches
  let sent: Outgoing[][]
  /** ms that a send takes */
  const TAKES = 2

  beforeEach(() => {
    time = new ManualTime()
    sent = []
    const send = async (outgoing: Outgoing[]): Promise<Seq[]> => {
      sent.push(outgoing)
      await time.sleep(TAKES)
      return outgoing.map(() => sent.length)
    }
    const options = { partitions: 16, maxBytes: 900_000, deadlineMs: Number.POSITIVE_INFINITY }
    batches = new Batches({ ...options, time, isJoint: true, hasRows: true, send })
  })
  const append = (partition = 0): Promise<Seq> => batches.append(partition, [event('e')])
  const appendAll = (...partitions: number[]): void => {
    for (const partition of partitions) append(partition)
  }

  test('go at once for callers who wait for each answer, one or some, and for whoever comes rarely', async () => {
    let answers = 0
    const caller = async (): Promise<void> => {
      for (let n = 0; n < 10; n++) {
        await append(n)
        answers++
      }
    }
    for (const callers of [1, 3, 20]) {
      answers = 0
      const all = Array.from({ length: callers }, caller)
      await time.settle()
      await time.advance(10 * TAKES)
      expect(answers).toBe(10 * callers)
      await Promise.all(all)
      await time.advance(JOINT_MS)
    }
    await time.advance(JOINT_MS)
    const before = sent.length
    append()
    await time.settle()
    expect(sent).toHaveLength(before + 1)
  })

  test('wait a while for callers who lately waited at once, counted from when those before went', async () => {
    appendAll(0, 1, 2)
    await time.settle()
    expect(sent).toHaveLength(1)
    await time.advance(TAKES)
    appendAll(0, 1)
    await time.advance(JOINT_MS - TAKES - 1)
    expect(sent).toHaveLength(1)
    await time.advance(1)
    expect(sent[1]).toHaveLength(2)
  })

  test('go when the last of them has come, and the timer with them', async () => {
    appendAll(0, 1, 2)
    await time.settle()
    await time.advance(TAKES)
    appendAll(0, 1)
    await time.advance(1)
    expect(sent).toHaveLength(1)
    append(2)
    await time.settle()
    expect(sent[1]).toHaveLength(3)
    await time.advance(TAKES)
    expect(time.timers).toBe(0)
  })

  test('wait for nobody once they are closed', async () => {
    appendAll(0, 1, 2)
    await time.settle()
    await time.advance(TAKES)
    const last = append(0)
    await time.settle()
    expect(sent).toHaveLength(1)
    const closing = batches.close()
    await time.settle()
    expect(sent).toHaveLength(2)
    await time.advance(TAKES)
    await Promise.all([last, closing])
  })
})
