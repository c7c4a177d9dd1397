import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Account } from '../src/effects/history.ts'
import type { Effect, Performed, Receiver } from '../src/effects/index.ts'
import { RollcallError } from '../src/errors.ts'
import { NOON } from './support/one-partition.ts'
import { virtualPerformer } from './support/virtual-performer.ts'

const effect = (id: string, actor = 'a/1', kind = 'k'): Effect => ({
  ...{ id, kind, actor, seq: 1, index: 0, at: NOON, payload: { of: id } },
})

/** A performer whose effects all have one receiver. */
function performer(perform: Receiver['perform'], expiresMs?: number) {
  const tried: string[] = []
  const one = virtualPerformer(() => ({
    ...(expiresMs !== undefined && { expiresMs }),
    perform(each, progress) {
      tried.push(each.id)
      return perform(each, progress)
    },
  }))
  return { ...one, tried }
}

const done: Performed = { outcome: 'done' }
const busy = new RollcallError('RC_SERVICE_BUSY', 'not now')
const statesOf = (accounts: Account[]) => accounts.map(({ id, state }) => `${id} ${state}`)

describe('effects', () => {
  test('wait until the log has been replayed to its end', async () => {
    const { made, add, idle, tried } = performer(async () => done)
    add(effect('a'))
    await idle()
    expect(tried).toEqual([])
    made.open()
    await idle()
    expect(tried).toEqual(['a'])
  })

  test('that are done leave the outbox and are written down', async () => {
    const { made, add, idle, outbox, accounts } = performer(async () => ({ outcome: 'sent', detail: { to: 'x' } }))
    made.open()
    add(effect('a'))
    await idle()
    expect(outbox.list()).toEqual([])
    const account = { ...effect('a'), state: 'sent', doneAt: NOON, detail: { to: 'x' } }
    expect(accounts).toEqual([{ ...account, partition: 0, lane: '0/k' }])
  })

  test('of one actor and kind go out one after the other', async () => {
    const ways: string[] = []
    const { made, add, idle } = performer(async ({ id }) => {
      ways.push(`> ${id}`)
      await nextTurn()
      ways.push(`< ${id}`)
      return done
    })
    made.open()
    add(effect('a'), effect('b'))
    await idle()
    expect(ways).toEqual(['> a', '< a', '> b', '< b'])
  })

  test('of other actors and kinds do not wait for one that fails', async () => {
    const { made, add, idle, outbox } = performer(async ({ id }) => {
      if (id === 'a') throw new RollcallError('RC_SERVICE_UNREACHABLE')
      return done
    })
    made.open()
    add(effect('a'), effect('behind a'), effect('b', 'a/2'), effect('c', 'a/1', 'other'))
    await idle()
    expect(outbox.list().map(({ id }) => id)).toEqual(['a', 'behind a'])
    await made.stop()
  })

  test('are tried again until they are done', async () => {
    let refusals = 3
    const { made, add, idle, accounts, tried } = performer(async () => {
      if (refusals-- > 0) throw busy
      return done
    })
    made.open()
    add(effect('a'), effect('b'))
    await idle()
    expect(tried).toEqual(['a', 'a', 'a', 'a', 'b'])
    expect(statesOf(accounts)).toEqual(['a done', 'b done'])
  })

  test('are given up after ten attempts, and the actor is told', async () => {
    const { made, add, idle, told, tried } = performer(async () => {
      throw busy
    })
    made.open()
    add(effect('a'))
    await idle()
    expect(tried).toHaveLength(10)
    expect(told).toMatchObject([
      { kind: 'effect.failed', key: '1', effect: 'a', error: 'not now', code: 'RC_SERVICE_BUSY', asked: { of: 'a' } },
    ])
  })

  test('that are refused are given up at once', async () => {
    const { made, add, idle, told, tried } = performer(async () => {
      throw new RollcallError('RC_SERVICE_REFUSED')
    })
    made.open()
    add(effect('a'))
    await idle()
    expect([tried, told.map(({ kind }) => kind)]).toEqual([['a'], ['effect.failed']])
  })

  test('wait as long as they are told to', async () => {
    let refusals = 1
    const { made, add, idle, elapsed } = performer(async () => {
      if (refusals-- > 0) throw new RollcallError('RC_SERVICE_BUSY', 'later', { retryAfterMs: 77_000 })
      return done
    })
    made.open()
    add(effect('a'))
    await idle()
    expect(elapsed()).toBe(77_000)
  })

  test('wait no longer than ten minutes, nor beyond their own deadline', async () => {
    const forever = new RollcallError('RC_SERVICE_BUSY', 'later', { retryAfterMs: 1e13 })
    let refusals = 1
    const { made, add, idle, elapsed } = performer(async () => {
      if (refusals-- > 0) throw forever
      return done
    })
    made.open()
    add(effect('a'))
    await idle()
    expect(elapsed()).toBe(600_000)
    const other = performer(async () => Promise.reject(forever), 60_000)
    other.made.open()
    other.add(effect('a'))
    await other.idle()
    expect([statesOf(other.accounts), other.elapsed()]).toEqual([['a expired'], 60_001])
  })

  test('that come twice while the log is replayed are performed once', async () => {
    const { made, add, idle, tried } = performer(async () => done)
    add(effect('a'))
    add(effect('a'))
    made.open()
    await idle()
    expect(tried).toEqual(['a'])
  })

  test.each([
    'RC_SERVICE_UNREACHABLE',
    'RC_STORE_UNAVAILABLE',
    'RC_LOG_UNAVAILABLE',
  ] as const)('outlast an hour in which nobody answers (%s)', async code => {
    const { made, add, idle, accounts, told, elapsed } = performer(async () => {
      if (elapsed() < 3_600_000) throw new RollcallError(code)
      return done
    })
    made.open()
    add(effect('a'))
    await idle()
    expect([statesOf(accounts), told]).toEqual([['a done'], []])
    expect(elapsed()).toBeLessThanOrEqual(3_630_000)
  })

  test('expire at their own deadline', async () => {
    const { made, add, idle, accounts, elapsed } = performer(async () => {
      throw new RollcallError('RC_SERVICE_UNREACHABLE')
    }, 300_000)
    made.open()
    add(effect('a'))
    await idle()
    expect(statesOf(accounts)).toEqual(['a expired'])
    expect(elapsed()).toBeLessThanOrEqual(330_000)
  })

  test('that expire wait in a bounded number, of which the oldest go first', async () => {
    const { made, add, idle, accounts, outbox } = performer(() => new Promise(() => {}), 300_000)
    made.open()
    add(...Array.from({ length: 10_020 }, (_, i) => effect(`e${i}`, `a/${String(i).padStart(5, '0')}`)))
    await idle()
    expect(statesOf(accounts)).toEqual(
      ['e0 expired', 'e1 expired', 'e2 expired', 'e3 expired'].concat(
        Array.from({ length: 16 }, (_, i) => `e${i + 4} expired`),
      ),
    )
    expect(outbox.size).toBe(10_000)
  })

  test('of a single actor that expire wait in a bounded number too', async () => {
    const { made, add, idle, accounts } = performer(() => new Promise(() => {}), 300_000)
    made.open()
    add(effect('first'))
    await idle()
    add(...Array.from({ length: 10_001 }, (_, i) => effect(`e${i}`)))
    await idle()
    expect(statesOf(accounts)).toEqual(['e0 expired'])
  })

  test('with an answer stay in the outbox until it is applied', async () => {
    const { made, add, idle, outbox, told, accounts } = performer(async () => ({
      outcome: 'done',
      answer: { kind: 'found', n: 7 },
    }))
    made.open()
    add(effect('a'))
    await idle()
    expect(told).toEqual([{ kind: 'found', n: 7, key: '1', id: 'a', effect: 'a', at: NOON, arrival: NOON }])
    expect([outbox.isWaiting('a'), statesOf(accounts)]).toEqual([true, ['a done']])
  })

  test('that are no longer in the outbox are not performed', async () => {
    const { made, add, idle, outbox, tried } = performer(async () => done)
    add(effect('a'), effect('b'))
    outbox.done('a')
    made.open()
    await idle()
    expect(tried).toEqual(['b'])
  })

  test('are not begun once it is stopped, and those under way come to their end', async () => {
    const { promise, resolve } = Promise.withResolvers<Performed>()
    const { made, add, idle, tried, accounts } = performer(() => promise)
    made.open()
    add(effect('a'), effect('b'))
    await idle()
    const stopped = made.stop()
    resolve(done)
    await stopped
    expect([tried, statesOf(accounts)]).toEqual([['a'], ['a done']])
  })
})
