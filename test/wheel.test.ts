import { beforeEach, describe, expect, test } from 'vitest'
import { Wheel } from '../src/partition/wheel.ts'
import { seeded } from './support/random.ts'

let wheel: Wheel
beforeEach(() => {
  wheel = new Wheel()
})

const set = (deadlines: Record<string, number | null>): void => {
  for (const [id, at] of Object.entries(deadlines)) wheel.set(id, at)
}

describe('the wheel', () => {
  test('has no next deadline while it is empty', () => {
    expect([wheel.next(), [...wheel.entries()].length, wheel.due(Number.MAX_SAFE_INTEGER)]).toEqual([undefined, 0, []])
  })

  test('knows the earliest deadline, in whatever order they were set', () => {
    set({ c: 9_000, a: 3_000, d: 12_000, b: 5_000 })
    expect(wheel.next()).toBe(3_000)
  })

  test('knows the earliest deadline within a second', () => {
    set({ a: 3_900, b: 3_100, c: 3_500 })
    expect(wheel.next()).toBe(3_100)
  })

  test('gives what is due by deadline, then by id', () => {
    set({ z: 2_000, b: 1_500, a: 1_500, late: 1_100, aa: 1_500 })
    expect(wheel.due(2_000)).toEqual(['late', 'a', 'aa', 'b', 'z'])
  })

  test('gives what is due at the very ms, and not what is due 1 ms later in the same second', () => {
    set({ now: 1_500, soon: 1_501 })
    expect(wheel.due(1_500)).toEqual(['now'])
  })

  test('gives what is due again until it is set anew', () => {
    set({ a: 1_000, b: 1_000 })
    wheel.due(1_000)
    wheel.set('a', 5_000)
    expect([wheel.due(1_000), wheel.next()]).toEqual([['b'], 1_000])
  })

  test('moves a deadline to an earlier second', () => {
    set({ a: 9_000 })
    wheel.set('a', 2_000)
    expect([wheel.next(), wheel.due(2_000), [...wheel.entries()].length]).toEqual([2_000, ['a'], 1])
  })

  test('moves a deadline within its second', () => {
    set({ a: 2_100 })
    wheel.set('a', 2_900)
    expect([wheel.due(2_899), wheel.due(2_900)]).toEqual([[], ['a']])
  })

  test('forgets a deadline that is cleared', () => {
    set({ a: 1_000, b: 2_000 })
    wheel.set('a', null)
    expect([wheel.next(), wheel.due(3_000), [...wheel.entries()].length]).toEqual([2_000, ['b'], 1])
  })

  test('takes the clearing of what was never set', () => {
    wheel.set('a', null)
    expect([wheel.next(), [...wheel.entries()].length]).toEqual([undefined, 0])
  })

  test('takes a deadline in a second that was emptied, before and after it was asked for the next', () => {
    set({ a: 1_000 })
    wheel.set('a', null)
    wheel.set('b', 1_200)
    expect(wheel.next()).toBe(1_200)
    wheel.set('b', null)
    expect(wheel.next()).toBe(undefined)
    wheel.set('c', 1_300)
    expect([wheel.next(), wheel.due(2_000)]).toEqual([1_300, ['c']])
  })

  test('lists the deadlines that are set', () => {
    set({ a: 1_000, b: 2_000 })
    set({ a: 3_000, b: null, c: 500 })
    expect(Object.fromEntries(wheel.entries())).toEqual({ a: 3_000, c: 500 })
  })

  test('agrees with a plain list however deadlines are set, moved and cleared', () => {
    const random = seeded('wheel')
    const plain = new Map<string, number>()
    for (let step = 0; step < 20_000; step++) {
      const id = `id${random.int(0, 200)}`
      const at = random.chance(0.3) ? null : random.int(0, 100_000)
      wheel.set(id, at)
      if (at === null) plain.delete(id)
      else plain.set(id, at)
      if (step % 10 > 0) continue
      const now = random.int(0, 100_000)
      const due = [...plain].filter(([, at]) => at <= now).sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
      const next = plain.size > 0 ? Math.min(...plain.values()) : undefined
      expect([step, wheel.next(), wheel.due(now), [...wheel.entries()].length]).toEqual([
        step,
        next,
        due.map(([id]) => id),
        plain.size,
      ])
    }
  })
})

describe('the wheel, while deadlines of the checkpoint come,', () => {
  test('keeps what was set meanwhile, and has nothing of the others to be written', () => {
    wheel.begin()
    wheel.set('moved', 5_000)
    wheel.set('cleared', null)
    for (const id of ['moved', 'cleared', 'left']) wheel.restore(id, 1_000)
    expect([wheel.isWhole, Object.fromEntries(wheel.entries())]).toEqual([false, { moved: 5_000, left: 1_000 }])
    expect(wheel.takeRecords()).toEqual({
      puts: [{ space: 'deadline', names: ['moved'], value: 5_000 }],
      removes: [{ space: 'deadline', names: ['cleared'] }],
    })
    wheel.restore('cleared', 1_000)
    wheel.end()
    expect([wheel.isWhole, wheel.next(), wheel.due(9_000)]).toEqual([true, 1_000, ['left', 'moved']])
  })
})
