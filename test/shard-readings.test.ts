import { describe, expect, test } from 'vitest'
import { RollcallError } from '../src/errors.ts'
import { gauge, Meter, type Reading } from '../src/observe/meter.ts'
import type { Measured } from '../src/shard/index.ts'
import { ShardReadings } from '../src/shard/readings.ts'

/** A shard whose threads answer one after another; null: it gives no answer. */
function shardOf(...answers: (Measured | Error)[]): ShardReadings {
  const call = async () => {
    const next = answers.shift()!
    if (next instanceof Error) throw next
    return next
  }
  return new ShardReadings({ call } as never, 1)
}

function thread(run: string, commits: number, seconds: number[], resident: number): Measured {
  const meter = new Meter()
  meter.count('rollcall_commits_total', { partition: '3' }).n = commits
  const spread = meter.spread('rollcall_commit_seconds')
  for (const each of seconds) spread.add(each)
  return { run, readings: [...meter.read(), gauge('rollcall_actors_resident', resident, { kind: 'viewer' })] }
}

const valuesOf = (readings: readonly Reading[]) =>
  readings.map(({ value }) => (typeof value === 'number' ? value : value.sum))

describe('the figures of a shard', () => {
  test('carry its number', async () => {
    const [commits, seconds, resident] = await shardOf(thread('a', 5, [1], 7)).read(100)
    expect(commits!.labels).toEqual({ partition: '3' })
    expect(seconds!.labels).toEqual({ shard: '1' })
    expect(resident!.labels).toEqual({ shard: '1', kind: 'viewer' })
  })

  test('stay as they were while it gives no answer', async () => {
    const shard = shardOf(thread('a', 5, [1], 7), new RollcallError('RC_SHARD_LOST'))
    const before = await shard.read(100)
    expect(await shard.read(100)).toEqual(before)
  })

  test('are none before it ever answered', async () => {
    expect(await shardOf(new RollcallError('RC_SHARD_TIMEOUT')).read(100)).toEqual([])
  })

  test('go on where the thread before left off, but for what goes up and down', async () => {
    const shard = shardOf(thread('a', 5, [1, 2], 7), thread('b', 1, [4], 2), thread('b', 2, [4, 8], 3))
    expect(valuesOf(await shard.read(100))).toEqual([5, 3, 7])
    expect(valuesOf(await shard.read(100))).toEqual([6, 7, 2])
    expect(valuesOf(await shard.read(100))).toEqual([7, 15, 3])
  })

  test('add up over more than two threads', async () => {
    const shard = shardOf(thread('a', 5, [], 0), thread('b', 1, [], 0), thread('c', 2, [], 0))
    for (const count of [5, 6, 8]) expect(valuesOf(await shard.read(100))[0]).toBe(count)
  })

  test('tell whoever looks of what is no refusal', async () => {
    await expect(shardOf(new TypeError('broken')).read(100)).rejects.toThrow('broken')
  })
})
