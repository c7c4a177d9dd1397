import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Turns } from '../src/bridge/turns.ts'
import { doors, tokenOf } from './support/doors.ts'
import { ManualTime } from './support/time.ts'

describe('turns of long work', () => {
  test('come one each turn of the event loop, in the order they were asked for', async () => {
    const turns = new Turns(new ManualTime())
    const begun: number[] = []
    for (let n = 1; n <= 3; n++) turns.next().then(() => begun.push(n))
    const seen: number[] = []
    for (let n = 0; n < 3; n++) {
      await turn()
      seen.push(begun.length)
    }
    expect([begun, seen]).toEqual([
      [1, 2, 3],
      [2, 3, 3],
    ])
  })

  test('are had at once where nobody waits, also after some waited', async () => {
    const turns = new Turns(new ManualTime())
    await Promise.all([turns.next(), turns.next()])
    await turn()
    await turn()
    let isHad = false
    turns.next().then(() => {
      isHad = true
    })
    await Promise.resolve()
    await Promise.resolve()
    expect(isHad).toBe(true)
  })

  test('are not waited for by heartbeats, however many reads and large bodies do', async () => {
    const { ask } = doors()
    const token = await tokenOf({ sub: 'platform', scope: 'service' })
    const order: string[] = []
    const asked = (name: string, work: Promise<unknown>): Promise<unknown> => work.then(() => order.push(name))
    const beat = { userId: 'ann', path: '/' }
    await ask('/heartbeats', { method: 'POST', token, body: beat })
    const all = Array.from({ length: 20 }, (_, n) => [
      asked('read', ask(`/users/u${n}`, { token })),
      asked('large', ask('/heartbeats', { method: 'POST', token, body: Array(101).fill(beat) })),
    ])
    const last = asked('beat', ask('/heartbeats', { method: 'POST', token, body: beat }))
    await Promise.all([...all.flat(), last])
    expect(order.indexOf('beat')).toBeLessThan(10)
  })
})
