import { expect, test } from 'vitest'
import { MINUTE, NOON } from './support/one-partition.ts'
import { TickingPartition } from './support/ticking-partition.ts'
import { logged, visit } from './support/two-lives.ts'

test('a partition whose checkpoint is gone goes on in time, though its log knows greater epochs', async () => {
  const partition = await new TickingPartition(NOON).start()
  for (let restarts = 0; restarts < 3; restarts++) {
    await partition.close()
    await partition.start()
  }
  await partition.append(logged(visit('a', NOON)))
  await partition.close()
  partition.loseCheckpoint()
  await partition.start()
  await partition.machine.advance(40 * MINUTE)
  expect(partition.performed.map(({ kind }) => kind)).toEqual(['web-session.closed'])
  await partition.append(logged(visit('b', NOON + 40 * MINUTE)))
  await partition.close()
  // Its own epochs are older than those before the loss still, and go on from what it said last.
  await partition.start()
  await partition.machine.advance(40 * MINUTE)
  expect(partition.performed.map(({ kind }) => kind)).toEqual(['web-session.closed', 'web-session.closed'])
  await partition.close()
})
