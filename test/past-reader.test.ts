import { expect, test } from 'vitest'
import type { Asked, Past } from '../src/past/index.ts'
import { PastReader } from '../src/past/reader.ts'
import type { StoreSettings } from '../src/stores.ts'
import { doors, SECRET, tokenOf } from './support/doors.ts'
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

test('whoever waits for a past when the server ends is told so, and the thread opens nothing more', async () => {
  const log = { bounds: async () => ({ last: 1 }) }
  const reader = new PastReader({ places: PLACES, rules: RULES, log, time: new ManualTime(), faults: toldFaults() })
  const asked = Array.from({ length: 4 }, () => reader.past({ partition: 0, kind: 'viewer', key: 'ann', limit: 1 }))
  await new Promise(resolve => setImmediate(resolve))
  const codes = asked.map(each =>
    each.then(
      () => 'told',
      ({ code }) => code,
    ),
  )
  await reader.close()
  expect(await Promise.all(codes)).toEqual(Array(4).fill('RC_CLOSING'))
})

test('a past is derived for operators, of kinds that there are, and of as many steps as are asked for', async () => {
  const operator = 'another secret of thirty-two chars'
  const { app, ask, bridge } = doors({ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_AUTH_OPERATOR_SECRET: operator })
  const asked: Asked[] = []
  const past: Past = { since: { seq: 1, at: null }, reason: null, before: null, steps: [] }
  const pasts = {
    async past(each: Asked) {
      asked.push(each)
      return past
    },
  }
  Object.assign(bridge, { pasts })
  const url = '/inspect/actors/viewer/ann/past'
  expect((await ask(url)).status).toBe(401)
  expect((await ask(url, { token: await tokenOf({ sub: 'ann', scope: 'service' }) })).status).toBe(403)
  expect(asked).toEqual([])
  const token = await tokenOf({ scope: 'service' }, operator)
  expect(await ask(url, { token })).toMatchObject({ status: 200, body: past })
  await ask(`${url}?limit=7`, { token })
  expect(asked.map(({ kind, key, limit }) => [kind, key, limit])).toEqual([
    ['viewer', 'ann', 500],
    ['viewer', 'ann', 7],
  ])
  expect((await ask(url.replace('viewer', 'robot'), { token })).status).toBe(404)
  await app.close()
})
