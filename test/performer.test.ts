import { describe, expect, test, vi } from 'vitest'
import type { Effect } from '../src/notify/index.ts'
import { Performer } from '../src/shard/performer.ts'

const effect = (id: string): Effect => ({ id, kind: 'k', actor: 'a', seq: 1, index: 0, at: 0, payload: {} })

/** A performer whose world refuses the first `refusals` times. */
function performer(refusals = 0) {
  const tried: string[][] = []
  const done: string[] = []
  const made = new Performer({
    notifier: {
      async perform(effects) {
        tried.push(effects.map(({ id }) => id))
        if (tried.length <= refusals) throw new Error('not now')
      },
    },
    done: ({ id }) => done.push(id),
    failed: () => {},
  })
  return { made, tried, done }
}

const settled = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

describe('effects', () => {
  test('wait until the log has been replayed to its end', async () => {
    const { made, tried } = performer()
    made.add([effect('a')])
    await settled()
    expect(tried).toEqual([])
    made.open()
    await settled()
    expect(tried).toEqual([['a']])
  })

  test('go out in order, and are then done', async () => {
    const { made, done } = performer()
    made.open()
    made.add([effect('a'), effect('b')])
    made.add([effect('c')])
    await settled()
    expect(done).toEqual(['a', 'b', 'c'])
  })

  test('are tried again with the same ids, and those behind them wait', async () => {
    vi.useFakeTimers()
    const { made, tried, done } = performer(2)
    made.open()
    made.add([effect('a')])
    made.add([effect('b')])
    await vi.advanceTimersByTimeAsync(60_000)
    vi.useRealTimers()
    expect([tried, done]).toEqual([
      [['a'], ['a'], ['a'], ['b']],
      ['a', 'b'],
    ])
  })

  test('are not tried any more once it is stopped', async () => {
    vi.useFakeTimers()
    const { made, tried } = performer(100)
    made.open()
    made.add([effect('a')])
    await vi.advanceTimersByTimeAsync(0)
    made.stop()
    await vi.advanceTimersByTimeAsync(600_000)
    vi.useRealTimers()
    expect(tried).toHaveLength(1)
  })
})
