import { describe, expect, test } from 'vitest'
import { Refusals } from '../src/bridge/refusals.ts'
import { RollcallError } from '../src/errors.ts'
import { Meter } from '../src/observe/meter.ts'
import { doors, SECRET, tokenOf } from './support/doors.ts'
import { ManualTime, toldFaults } from './support/time.ts'

function refusals() {
  const [time, faults] = [new ManualTime(), toldFaults()]
  const told: unknown[] = []
  const log = (level: string) => (line: unknown, text?: unknown) => void told.push({ level, text, ...(line as object) })
  const logger = { info: log('info'), warn: log('warn') }
  return { time, faults, told, refusals: new Refusals({ logger, time, faults, meter: new Meter() }) }
}

describe('refusals', () => {
  test('are counted, and told with one line a code in ten seconds, without a stack', async () => {
    const { time, faults, told, refusals: counted } = refusals()
    for (let n = 0; n < 20_000; n++) counted.add(new RollcallError('RC_RATE_LIMITED'), null)
    const unreachable = new RollcallError('RC_STORE_UNAVAILABLE', undefined, { cause: new Error('no route') })
    for (let n = 0; n < 3; n++) counted.add(unreachable, unreachable)
    expect(told).toEqual([])
    await time.advance(10_000)
    expect(told).toMatchObject([
      { level: 'info', text: 'refused', code: 'RC_RATE_LIMITED', count: 20_000 },
      { level: 'warn', text: 'refused', code: 'RC_STORE_UNAVAILABLE', count: 3, cause: 'no route' },
    ])
    expect(JSON.stringify(told)).not.toContain('stack')
    await time.advance(60_000)
    expect([told.length, faults.all]).toEqual([2, []])
  })

  test('of callers are made without a stack, which costs more than they do; faults of ours have one', () => {
    expect(new RollcallError('RC_UNAUTHENTICATED').stack).not.toContain(' at ')
    expect(new RollcallError('RC_INTERNAL').stack).toContain(' at ')
    expect(new Error('another').stack).toContain(' at ')
  })

  test('begin to be counted anew when they are told, and the last are told at the end', async () => {
    const { time, told, refusals: counted } = refusals()
    counted.add(new RollcallError('RC_NOT_FOUND'), null)
    await time.advance(10_000)
    counted.add(new RollcallError('RC_NOT_FOUND'), null)
    counted.close()
    expect(told).toMatchObject([{ count: 1 }, { count: 1 }])
    expect(time.timers).toBe(0)
  })

  test('that are faults of Rollcall are reported at once, with their cause', () => {
    const { faults, refusals: counted } = refusals()
    const cause = new TypeError('a fault')
    counted.add(new RollcallError('RC_INTERNAL'), cause)
    expect(faults.all).toEqual([['request', cause]])
  })

  test('of both doors are no faults, whatever callers send or servers do not do', async () => {
    const { ask, post, request, faults, time, logged, bridge } = doors({ ROLLCALL_AUTH_SECRET: SECRET })
    const token = await tokenOf({ sub: 'ann' })
    bridge.directory.owner.audience = () => Promise.reject(new RollcallError('RC_NO_OWNER'))
    await ask('/viewers')
    await ask('/viewers', { token })
    await post('/heartbeats', '{', token)
    await request('heartbeats.ann', '{')
    await request('heartbeats.ann', { userId: 'ben', path: '/' })
    expect(faults.all).toEqual([])
    await time.advance(10_000)
    expect(logged.map(({ line: { code, count } }) => [code, count])).toEqual([
      ['RC_UNAUTHENTICATED', 1],
      ['RC_NO_OWNER', 1],
      ['RC_INVALID_JSON', 2],
      ['RC_NOT_ALLOWED', 1],
    ])
  })
})
