import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { batches } from '../src/cli/replay/batches.ts'
import { Delivery } from '../src/cli/replay/delivery.ts'
import { eachInFlight } from '../src/cli/replay/in-flight.ts'
import { Server } from '../src/cli/replay/server.ts'
import { FakeRollcall, PatientTime, type Reply } from './support/fake-rollcall.ts'

let rollcall: FakeRollcall
let time: PatientTime
let warnings: string[]

beforeEach(async () => {
  rollcall = new FakeRollcall()
  time = new PatientTime()
  warnings = []
  await rollcall.listen()
})

afterEach(() => rollcall.close())

const deliver = (retrySeconds = 120): Delivery =>
  new Delivery(new Server(rollcall.url, { retryMs: retrySeconds * 1_000, warn: text => warnings.push(text), time }))

const record = (n: number): string => `{"page":"/${n}"}`

describe('what is in flight', () => {
  const settled = () => new Promise(resolve => setImmediate(resolve))

  test('is never more than the limit', async () => {
    const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>())
    let begun = 0
    const all = eachInFlight(gates, 4, gate => {
      begun += 1
      return gate.promise
    })
    await settled()
    const atOnce = begun
    for (const gate of gates) gate.resolve()
    await all
    expect(atOnce).toBe(4)
  })

  test('is drawn only when there is room for it', async () => {
    let drawn = 0
    const gate = Promise.withResolvers<void>()
    const all = eachInFlight(
      (function* () {
        while (drawn < 100) yield drawn++
      })(),
      4,
      () => gate.promise,
    )
    await settled()
    const early = drawn
    gate.resolve()
    await all
    expect(early).toBe(4)
  })

  test('is waited for when something else has failed', async () => {
    const slow = Promise.withResolvers<void>()
    let ended = false
    const all = eachInFlight([1, 2], 2, async n => {
      if (n === 1) throw new Error('first')
      await slow.promise
      ended = true
    })
    setImmediate(slow.resolve)
    await all.catch(() => undefined)
    expect(ended).toBe(true)
  })

  test('takes up nothing more after a failure', async () => {
    const begun: number[] = []
    const all = eachInFlight([1, 2, 3], 2, async n => {
      begun.push(n)
      if (n === 1) throw new Error('first')
      await settled()
    })
    await all.catch(() => undefined)
    expect(begun).toEqual([1, 2])
  })

  test('ends with its first failure', async () => {
    const begun: number[] = []
    const all = eachInFlight([1, 2, 3], 1, async n => {
      begun.push(n)
      if (n === 2) throw new Error('second')
    })
    await expect(all).rejects.toThrow('second')
    expect(begun).toEqual([1, 2])
  })
})

test('a batch is never empty, even where one record is over the bound of a body', async () => {
  const sizes: number[] = []
  for await (const batch of batches(['x'.repeat(950_000), 'y'], text => text)) sizes.push(batch.length)
  expect(sizes).toEqual([1, 1])
})

describe('delivery tries again', () => {
  test.each<[string, Reply | 'hang up']>([
    ['no answer', 'hang up'],
    ['503', { status: 503, body: { code: 'RC_OVERLOADED', message: 'full' } }],
    ['429', { status: 429 }],
    ['500', { status: 500 }],
  ])('after %s, with the same body', async (_, failure) => {
    rollcall.answer = ({ method, nth }) => (method === 'POST' && nth <= 2 ? failure : undefined)
    await deliver().send('/events', [record(1)])
    expect([rollcall.bodies.length, new Set(rollcall.bodies).size, rollcall.received.length]).toEqual([3, 1, 1])
  })

  test('after pauses that double up to five seconds', async () => {
    rollcall.answer = ({ method, nth }) => (method === 'POST' && nth <= 8 ? { status: 503 } : undefined)
    await deliver().send('/events', [record(1)])
    expect(time.pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
  })

  test('until its patience ends, then says why', async () => {
    rollcall.answer = () => ({ status: 503, body: { code: 'RC_OVERLOADED', message: 'full' } })
    const sent = deliver(1).send('/events', ['{}'])
    await expect(sent).rejects.toMatchObject({ code: 'RC_OVERLOADED', message: expect.stringContaining('full') })
    expect(time.monotonic()).toBe(1_000)
  })

  test('with new patience for each request', async () => {
    rollcall.answer = ({ nth }) => (nth % 2 === 1 ? { status: 503 } : undefined)
    const delivery = deliver(0.15)
    for (let n = 0; n < 3; n += 1) await delivery.send('/events', [record(n)])
    expect(rollcall.received).toHaveLength(3)
  })

  test('not at all after a refusal', async () => {
    rollcall.answer = () => ({ status: 404, body: { code: 'RC_NOT_FOUND', message: 'no such route' } })
    const sent = deliver().send('/events', ['{}'])
    await expect(sent).rejects.toMatchObject({ code: 'RC_NOT_FOUND' })
    expect(rollcall.bodies).toHaveLength(1)
  })

  test('and warns once of a server that does not answer', async () => {
    rollcall.answer = ({ method, nth }) => (method === 'POST' && nth <= 3 ? 'hang up' : undefined)
    await deliver().send('/events', [record(1)])
    expect(warnings).toEqual([expect.stringMatching(/no answer .*; trying again$/)])
  })
})
