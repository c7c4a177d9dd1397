import { describe, expect, test } from 'vitest'
import { RollcallError } from '../src/errors.ts'
import type { PartitionState } from '../src/ownership/index.ts'
import { ShardStates } from '../src/ownership/shard-states.ts'
import { ManualTime } from './support/time.ts'

const notReady = { code: 'RC_NOT_READY', message: 'replayed' }
const replay = { name: 'replay' as const, unit: 'entries', done: 3, total: 8, since: 1 }
const replaying: PartitionState = {
  partition: 4,
  applied: 3,
  replayUntil: 8,
  stopped: notReady,
  work: [replay],
  now: 7,
}
const going: PartitionState = { partition: 4, stopped: null, work: [], now: 9 }
const silent = new RollcallError('RC_SHARD_TIMEOUT')

/** A shard that answers as told, a second later each time. */
function shardOf(...answers: (PartitionState | Error)[]) {
  const time = new ManualTime()
  const call = async () => {
    await time.sleep(1_000)
    const next = answers.length > 1 ? answers.shift()! : answers[0]!
    if (next instanceof Error) throw next
    return [next]
  }
  const states = new ShardStates({ call, partitions: [4] } as never, time)
  return async (): Promise<PartitionState> => {
    const [[state]] = await Promise.all([states.read(1_000), time.advance(1_000)])
    return state!
  }
}
const codesOf = async (look: () => Promise<PartitionState>, times: number): Promise<(string | undefined)[]> => {
  const codes: (string | undefined)[] = []
  for (let n = 0; n < times; n++) codes.push((await look()).stopped?.code)
  return codes
}

describe('a shard that has no time to answer', () => {
  test('is as it was while it was being replayed, for ten seconds, and tells no time that was', async () => {
    const look = shardOf(replaying, silent)
    expect(await look()).toEqual(replaying)
    const { now: _, ...kept } = replaying
    for (let second = 1; second < 10; second++) expect(await look()).toEqual(kept)
    expect(await look()).toEqual({ partition: 4, stopped: expect.objectContaining({ code: 'RC_SHARD_TIMEOUT' }) })
  })

  test('is not ready before it ever answered, for as long', async () => {
    const codes = await codesOf(shardOf(silent), 10)
    expect(codes).toEqual([...Array(9).fill('RC_NOT_READY'), 'RC_SHARD_TIMEOUT'])
  })

  test('goes on where that is at long work behind its replay', async () => {
    expect(await codesOf(shardOf({ ...going, work: [{ ...replay, name: 'deadlines' }] }, silent), 2)) //
      .toEqual([undefined, undefined])
  })

  test('is told of at once where it had nothing to do', async () => {
    expect(await codesOf(shardOf(going, silent), 2)).toEqual([undefined, 'RC_SHARD_TIMEOUT'])
  })

  test('is told of at once when its thread was lost', async () => {
    expect(await codesOf(shardOf(replaying, new RollcallError('RC_SHARD_LOST'), silent), 3)) //
      .toEqual(['RC_NOT_READY', 'RC_SHARD_LOST', 'RC_SHARD_TIMEOUT'])
  })

  test('is none of what goes wrong otherwise', async () => {
    await expect(shardOf(new TypeError('broken'))()).rejects.toThrow('broken')
  })
})
