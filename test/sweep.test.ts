import { describe, expect, test } from 'vitest'
import { Sweep } from '../src/audience/alive.ts'
import { NOON } from './support/one-partition.ts'
import { ManualTime } from './support/time.ts'

describe('who is no longer alive', () => {
  test('may go each time 65 s of beats have come', () => {
    const sweep = new Sweep(new ManualTime(NOON))
    const dueAt = (at: number): number | undefined => {
      sweep.beat(at)
      return sweep.due()
    }
    expect([dueAt(NOON - 100_000), dueAt(NOON - 35_001), dueAt(NOON - 35_000), dueAt(NOON)]).toEqual([
      ...[NOON - 165_000, undefined, NOON - 100_000, undefined],
    ])
  })

  test('stays for readers whose clock is behind a beat', async () => {
    const time = new ManualTime(NOON)
    const sweep = new Sweep(time)
    sweep.beat(NOON + 60_000)
    expect(sweep.due()).toBe(NOON - 65_000)
    await time.advance(65_000)
    sweep.beat(NOON + 125_000)
    expect(sweep.due()).toBe(NOON)
  })

  test('may go at once after a sweep that did not come to its end', () => {
    const sweep = new Sweep(new ManualTime(NOON))
    sweep.beat(NOON)
    const before = sweep.due()
    expect(sweep.due()).toBeUndefined()
    sweep.undone()
    expect(sweep.due()).toBe(before)
  })

  test('may go also after the clock of the readers was set back', () => {
    const time = new ManualTime(NOON + 3_600_000)
    const sweep = new Sweep(time)
    sweep.beat(NOON + 3_600_000)
    sweep.due()
    time.set(NOON)
    expect(sweep.due()).toBe(NOON - 65_000)
  })
})
