import { describe, expect, test } from 'vitest'
import { RollcallError } from '../src/errors.ts'
import { Exposition } from '../src/observe/exposition.ts'
import { gauge } from '../src/observe/meter.ts'
import { METRICS } from '../src/observe/metrics.ts'
import { familiesIn, figure } from './support/exposition.ts'
import { ManualTime, toldFaults } from './support/time.ts'

function exposed() {
  const [time, faults] = [new ManualTime(), toldFaults()]
  return { time, faults, exposition: new Exposition({ time, faults }) }
}

describe('the figures of a process', () => {
  test('are in the format of Prometheus, each with its type and what it means', async () => {
    const { exposition } = exposed()
    exposition.meter.count('rollcall_refusals_total', { code: 'a "quoted"\\', limit: 'two\nlines' }).n++
    exposition.meter.spread('rollcall_log_append_seconds').add(0.02)
    exposition.meter.spread('rollcall_log_append_seconds').add(100)
    const text = await exposition.text()
    const families = familiesIn(text)
    for (const [name, { type, help }] of Object.entries(METRICS))
      expect(families.get(name), name).toMatchObject({ type, help })
    expect(figure(text, 'rollcall_log_append_seconds')).toBe(2)
    expect(text).toContain('rollcall_refusals_total{code="a \\"quoted\\"\\\\",limit="two\\nlines"} 1\n')
  })

  test('have those of Node too, all of them named as Rollcall’s', async () => {
    const families = familiesIn(await exposed().exposition.text())
    expect(families.get('rollcall_process_start_time_seconds')?.samples.size).toBe(1)
    expect(families.has('rollcall_nodejs_gc_duration_seconds')).toBe(true)
    expect([...families.keys()].filter(name => !name.startsWith('rollcall_'))).toEqual([])
    const misnamed = [...families].filter(([name, { type }]) => name.endsWith('_total') !== (type === 'counter'))
    expect(misnamed.map(([name]) => name)).toEqual([])
  })

  test('come in time without those of a source that gives no answer, which is not asked again meanwhile', async () => {
    const { exposition, time } = exposed()
    let asked = 0
    const answer = Promise.withResolvers<void>()
    exposition.add(async () => {
      asked++
      await answer.promise
      return [gauge('rollcall_viewers_alive', 3)]
    })
    exposition.add(() => [gauge('rollcall_ready', 1)])
    for (let scrape = 0; scrape < 3; scrape++) {
      const text = exposition.text()
      await time.settle(50)
      await time.advance(1_000)
      expect(figure(await text, 'rollcall_ready')).toBe(1)
      expect(figure(await text, 'rollcall_viewers_alive')).toBeUndefined()
    }
    expect(asked).toBe(1)
    answer.resolve()
    await time.settle()
    expect(figure(await exposition.text(), 'rollcall_viewers_alive')).toBe(3)
    expect(asked).toBe(2)
  })

  test('come without those of a source that fails, which is told unless it is refused', async () => {
    const { exposition, faults } = exposed()
    const refused = exposition.add(() => Promise.reject(new RollcallError('RC_NO_OWNER')))
    exposition.add(() => [gauge('rollcall_ready', 1)])
    expect(figure(await exposition.text(), 'rollcall_ready')).toBe(1)
    expect(faults.all).toEqual([])
    refused()
    const error = new Error('broken')
    exposition.add(() => {
      throw error
    })
    expect(figure(await exposition.text(), 'rollcall_ready')).toBe(1)
    expect(faults.all).toEqual([['metrics', error]])
  })

  test('are worked out once for all who ask at the same time', async () => {
    const { exposition } = exposed()
    let asked = 0
    exposition.add(() => {
      asked++
      return []
    })
    const [one, other] = await Promise.all([exposition.text(), exposition.text()])
    expect(other).toBe(one)
    expect(asked).toBe(1)
  })

  test('have nothing of a source that was taken away', async () => {
    const { exposition } = exposed()
    const remove = exposition.add(() => [gauge('rollcall_ready', 1)])
    expect(figure(await exposition.text(), 'rollcall_ready')).toBe(1)
    remove()
    expect(figure(await exposition.text(), 'rollcall_ready')).toBeUndefined()
  })
})
