import { expect, test } from 'vitest'
import type { CheckpointStore } from '../src/checkpoint/index.ts'
import type { EventLog } from '../src/log/index.ts'
import { peek } from '../src/ownership/peek.ts'

test.each([
  ['fits', { cut: 5, incarnation: 'one', mark: 'a' }, undefined],
  ['ends before the cut', { cut: 10, incarnation: 'one', mark: 'a' }, 'RC_LOG_BEHIND'],
  ['is another one', { cut: 5, incarnation: 'other', mark: 'a' }, 'RC_LOG_BEHIND'],
  ['has another entry at the cut', { cut: 5, incarnation: 'one', mark: 'b' }, 'RC_LOG_BEHIND'],
  ['has no entry at the cut any more', { cut: 2, incarnation: 'one', mark: 'b' }, undefined],
  ['begins after the cut', { cut: 1, incarnation: 'one', mark: 'a' }, 'RC_LOG_TRUNCATED'],
  ['may be begun anew, since nothing was committed', { cut: 0, incarnation: null, mark: null }, 'RC_NO_OWNER'],
  ['may be begun anew, since nobody claimed it', null, 'RC_NO_OWNER'],
])('without an owner, of a partition whose log %s, it is seen', async (_, kept, code) => {
  const store = { peek: async () => kept } as unknown as CheckpointStore
  const log = {
    bounds: async () => ({ incarnation: 'one', first: 3, last: 7 }),
    mark: async () => 'a',
  } as unknown as EventLog
  const states = await peek(store, log, 2)
  expect(states.map(({ partition, stopped }) => [partition, stopped?.code])).toEqual([
    [0, code],
    [1, code],
  ])
})
