import { expect, test } from 'vitest'
import { PastReader } from '../src/past/reader.ts'
import type { StoreSettings } from '../src/stores.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const RULES = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }
const PLACES: StoreSettings = {
  ...{ logPath: '/nowhere/log', statePath: '/nowhere/state', partitions: 1 },
  ...{ natsUrl: null, mongodbUrl: null, redisUrl: null },
}

test('no more pasts are derived at once than four, and the next one may be asked for when one has failed', async () => {
  const bounds: PromiseWithResolvers<{ last: number }>[] = []
  const log = {
    bounds: () => {
      const asked = Promise.withResolvers<{ last: number }>()
      bounds.push(asked)
      return asked.promise
    },
  }
  const reader = new PastReader({ places: PLACES, rules: RULES, log, time: new ManualTime(), faults: toldFaults() })
  const ask = () => reader.past({ partition: 0, kind: 'viewer', key: 'ann', limit: 1 })
  const four = [ask(), ask(), ask(), ask()]
  await expect(ask()).rejects.toMatchObject({ code: 'RC_OVERLOADED' })
  bounds[0]!.reject(new Error('away'))
  await expect(four[0]).rejects.toThrow('away')
  const fifth = ask()
  for (const each of bounds) each.reject(new Error('away'))
  await expect(fifth).rejects.toThrow('away')
  await Promise.allSettled(four)
  await reader.close()
})
