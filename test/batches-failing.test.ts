import { expect, test } from 'vitest'
import { Batches } from '../src/log/batches.ts'
import { WAITING_EVENTS } from '../src/log/entries.ts'
import { Meter } from '../src/observe/meter.ts'
import { event } from './support/entries.ts'
import { ManualTime } from './support/time.ts'

test('batches fail from one that did not come through until one does, or for ten seconds', async () => {
  const time = new ManualTime()
  let fault: Error | null = null
  const send = async () => {
    if (fault) throw fault
    return [1]
  }
  const options = { partitions: 1, deadlineMs: 10_000, maxBytes: 900_000, isJoint: true, hasRows: true }
  const meter = new Meter()
  const batches = new Batches({ ...options, time, meter, send })
  const append = async (): Promise<void> => {
    const appended = batches.append(0, [event('e')]).catch(() => {})
    await time.advance(10)
    await appended
  }
  await append()
  expect(batches.failing).toBeNull()

  fault = new Error('No space left on device')
  await append()
  expect(batches.failing).toMatchObject({ code: 'RC_LOG_UNAVAILABLE' })
  fault = null
  await append()
  expect(batches.failing).toBeNull()

  fault = new Error('No space left on device')
  await append()
  await time.advance(10_000)
  expect(batches.failing).toBeNull()
  const counted = Object.fromEntries(meter.read().map(({ name, value }) => [name, value]))
  expect(counted.rollcall_log_append_failures_total).toBe(2)
  expect(counted.rollcall_log_appended_entries_total).toBe(2)
  expect(counted.rollcall_log_appended_events_total).toBe(2)
})

test('batches fail while no more events fit', () => {
  const options = { partitions: 1, deadlineMs: 10_000, maxBytes: 900_000, isJoint: true, hasRows: true }
  const batches = new Batches({ ...options, time: new ManualTime(), send: () => new Promise(() => {}) })
  const events = Array.from({ length: 1_000 }, (_, n) => event(`e${n}`))
  for (let n = 0; n < WAITING_EVENTS; n += events.length) batches.append(0, events).catch(() => {})
  expect(batches.failing).toMatchObject({ code: 'RC_OVERLOADED' })
})
