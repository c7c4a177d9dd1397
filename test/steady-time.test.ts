import { beforeEach, describe, expect, test } from 'vitest'
import { SteadyTime } from '../src/time.ts'
import { seeded } from './support/random.ts'
import { ManualTime } from './support/time.ts'

const NOON = Date.UTC(2026, 0, 1, 12)
const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000]

let machine: ManualTime
let time: SteadyTime

beforeEach(() => {
  machine = new ManualTime(NOON)
  time = new SteadyTime(machine)
})

const step = (ms: number): void => machine.set(machine.now() + ms)

/** Lets time pass as in a process that asks for it every second; tells how far it was from the machine's each time. */
async function pass(ms: number): Promise<number[]> {
  const off: number[] = []
  for (let passed = 0; passed < ms; passed += SECOND) {
    await machine.advance(SECOND)
    off.push(time.now() - machine.now())
  }
  return off
}

describe('a steady time', () => {
  test('is that of the machine, in whole ms', async () => {
    const random = seeded('a steady time')
    for (let round = 0; round < 1_000; round++) {
      await machine.advance(random.int(0, 100_000) / 7)
      machine.set(Math.floor(machine.now()))
      expect([time.now() - machine.now(), Number.isInteger(time.now())]).toEqual([0, true])
    }
  })

  test.each([HOUR, -HOUR])('shows nothing of a step by %d ms that is taken back after five seconds', async ms => {
    step(ms)
    expect(time.now()).toBe(NOON)
    expect(new Set(await pass(5 * SECOND))).toEqual(new Set([-ms]))
    step(-ms)
    expect(new Set(await pass(10 * MINUTE))).toEqual(new Set([0]))
    expect(time.wasAhead()).toBe(0)
  })

  test.each([HOUR, -HOUR, 2 * SECOND])('follows a step by %d ms that lasts a minute', async ms => {
    step(ms)
    time.now()
    const off = await pass(MINUTE - SECOND)
    expect(new Set(off)).toEqual(new Set([-ms]))
    expect(new Set(await pass(MINUTE))).toEqual(new Set([0]))
  })

  test('follows at once what is slewed, or stepped by half a second', async () => {
    for (let round = 0; round < 60; round++) {
      step(8)
      expect(await pass(SECOND)).toEqual([0])
    }
    await pass(MINUTE)
    step(500)
    expect(time.now()).toBe(machine.now())
  })

  test('does not follow a clock that runs away', async () => {
    for (let round = 0; round < 600; round++) {
      step(SECOND)
      await pass(SECOND)
    }
    expect(time.now() - NOON - 600 * SECOND).toBeLessThanOrEqual(500)
  })

  test('begins the minute anew when the clock is set again', async () => {
    step(HOUR)
    await pass(50 * SECOND)
    step(HOUR)
    expect(new Set(await pass(MINUTE))).toEqual(new Set([-2 * HOUR]))
    expect(new Set(await pass(MINUTE))).toEqual(new Set([0]))
  })

  test('is followed a minute after it was asked for, if nobody had asked since the step', async () => {
    step(HOUR)
    await machine.advance(10 * MINUTE)
    expect(time.now()).toBe(machine.now() - HOUR)
    await machine.advance(MINUTE)
    expect(time.now()).toBe(machine.now())
  })
})

describe('a steady time that heeds another', () => {
  const theirs = (ms: number): void => time.heed(machine.now() + ms)

  test.each([HOUR, -HOUR])('by %d ms off counts as that one', ms => {
    theirs(ms)
    expect(time.now()).toBe(machine.now() + ms)
  })

  test('by some seconds off counts as its own', () => {
    theirs(10_000)
    expect(time.now()).toBe(machine.now())
  })

  test('shows no step of its own clock', async () => {
    step(HOUR)
    for (let round = 0; round < 180; round++) {
      theirs(-HOUR)
      expect(await pass(SECOND)).toEqual([-HOUR])
    }
  })

  test('counts as its own again five minutes after it last heard', async () => {
    theirs(HOUR)
    await pass(5 * MINUTE - SECOND)
    expect(time.now()).toBe(machine.now() + HOUR)
    expect(await pass(SECOND)).toEqual([0])
  })

  test('counts as its own again when that is right', async () => {
    step(HOUR)
    theirs(-HOUR)
    await pass(2 * MINUTE)
    step(-HOUR)
    expect(new Set(await pass(2 * MINUTE))).toEqual(new Set([0]))
  })
})

describe('a steady time after a step back', () => {
  const back = async (): Promise<void> => {
    step(HOUR)
    await pass(2 * MINUTE)
    step(-HOUR)
    await pass(MINUTE)
    time.now()
  }

  test('says for five minutes that it was ahead', async () => {
    await back()
    await pass(SECOND)
    expect(time.wasAhead()).toBe(HOUR)
    await pass(5 * MINUTE - 2 * SECOND)
    expect(time.wasAhead()).toBe(HOUR)
    await pass(2 * SECOND)
    expect(time.wasAhead()).toBe(0)
  })

  test('says so too where it was another that it heeds', () => {
    time.heed(machine.now() - HOUR)
    expect(time.wasAhead()).toBe(HOUR)
  })

  test('says how far it was in all, after two', async () => {
    time.heed(machine.now() - 20_000)
    time.heed(machine.now() - HOUR)
    expect(time.wasAhead()).toBe(HOUR)
  })

  test('says nothing after a step forward', async () => {
    step(HOUR)
    await pass(2 * MINUTE)
    expect(time.wasAhead()).toBe(0)
  })
})
