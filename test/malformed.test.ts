import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { encode, entryOf } from '../src/log/entries.ts'
import { beat, spoilt, WHOLE } from './support/hostile-events.ts'
import { NOON, OnePartition, tick } from './support/one-partition.ts'

test("a web-event whose time is not its visit's is of the day of its visit, which keeps what it had", async () => {
  const one = await OnePartition.claim()
  const visit = (id: string, ts: number, at: number): Event => ({
    kind: 'web-event',
    key: 'v',
    id,
    at,
    arrival: ts,
    visit: { id, ts, page: '/' },
  })
  const DAY = 86_400_000
  await one.apply(visit('a', NOON, NOON), visit('b', NOON + DAY, NOON + DAY))
  await one.restart()
  await one.apply(visit('c', NOON + 1, NOON + 5 * DAY))
  const first = one.writes.filter(({ id }) => id === 'v-2026-01-01').at(-1)
  expect(first?.set).toMatchObject({ eventCount: 2 })
})

for (const whole of WHOLE) {
  test(`a ${whole.kind} put into the log with any of its facts wrong keeps nobody but its actor from going on`, async () => {
    for (const [name, wrong] of spoilt(whole)) {
      const one = await OnePartition.claim()
      // The log passes over what is no event, or has a key that is no id.
      const taken = entryOf(0, 0, encode([wrong])).events
      const all = [...WHOLE.slice(0, 3), ...taken, tick(NOON + 1e9, 1), beat('bob')]
      await one.apply(...all).catch(cause => {
        throw new Error(name, { cause })
      })
      await one.restart()
      expect(await one.view('viewer', 'bob'), name).toBeDefined()
    }
  })
}
