import { expect, test } from 'vitest'
import { firstManifest } from '../src/checkpoint/blobs.ts'
import { keyOfBlob, LmdbBlobs } from '../src/checkpoint/embedded/blobs.ts'
import { paceOf } from '../src/checkpoint/embedded/index.ts'
import { Image, type Pace } from '../src/checkpoint/image.ts'
import { runOf } from '../src/checkpoint/run.ts'
import { put } from './support/checkpoint-records.ts'

const [RECORDS, REWRITE_BYTES] = [20_000, 200_000]

/** Commits to a new partition, of which nothing but bytes is kept; each answers how many bytes of buckets it rewrote. */
function committing(pace: Pace): (value: string, records: number) => Promise<number> {
  const kept = new Map<string, Buffer>()
  const lmdb = new LmdbBlobs(key => kept.get(key.join('/')))
  const image = new Image(firstManifest(0, 'test'), pace)
  const blobs = {
    ...{ packDelta: lmdb.packDelta.bind(lmdb), packBucket: lmdb.packBucket.bind(lmdb), ids: async () => [] },
    readDeltas: async () => [],
    useBucket: async () => false,
    readBuckets: async () => [],
  }
  return async (value, records) => {
    const puts = Array.from({ length: records }, (_, n) => put('actor', ['viewer', `v${n}`, ''], value))
    const anchor = { cut: 1, incarnation: 'log', mark: null }
    const plan = await image.plan(runOf({ puts, removes: [] }), anchor, blobs, async (blob, use) => {
      lmdb.useBucket(blob, use)
    })
    for (const { id, bytes } of plan.pieces) {
      const [partition, epoch, n, i, piece] = id.split('/')
      kept.set([...keyOfBlob(`${partition}/${epoch}/${n}/${i}`), Number(piece)].join('/'), bytes)
    }
    image.land(plan)
    return plan.made.reduce((sum, { entry }) => sum + entry.bytes, 0)
  }
}

test('a heavy commit rewrites no more than so many bytes at once, and the next ones the rest', async () => {
  const pace = { deltaBytes: () => 10_000, due: () => 0, rewriteBytes: () => Number.POSITIVE_INFINITY }
  const commit = committing(pace)
  const whole = await commit('one', RECORDS)
  expect(whole).toBeGreaterThan(3 * REWRITE_BYTES)
  pace.rewriteBytes = () => REWRITE_BYTES
  const rewritten = [await commit('two', RECORDS)]
  for (let n = 0; n < 50; n++) rewritten.push(await commit('three', 1))
  expect(Math.max(...rewritten)).toBeLessThan(3 * REWRITE_BYTES)
  expect(rewritten.reduce((sum, bytes) => sum + bytes)).toBeGreaterThan(whole * 0.9)
  expect(rewritten.at(-1)).toBeLessThan(REWRITE_BYTES)
})

test('a commit tells how much there is in buckets, by which there may be deltas', async () => {
  const told: number[] = []
  const deltaBytes = (bucketBytes: number): number => {
    told.push(bucketBytes)
    return 0
  }
  const commit = committing({ deltaBytes, due: () => 0, rewriteBytes: () => Number.POSITIVE_INFINITY })
  const first = await commit('one', RECORDS)
  const second = await commit('one', 2 * RECORDS)
  await commit('one', 1)
  expect(first).toBeGreaterThan(0)
  expect(told).toEqual([0, first, second])
})

test('the embedded store keeps as many bytes of deltas as of buckets, within bounds that all partitions of a thread share', () => {
  const MIB = 1024 * 1024
  const of = (partitions: number) => paceOf(() => partitions).deltaBytes
  expect([0, 20 * MIB, 100 * MIB, 1_000 * MIB].map(of(1))).toEqual([32 * MIB, 32 * MIB, 100 * MIB, 128 * MIB])
  expect([0, 2 * MIB, 5 * MIB, 1_000 * MIB].map(of(16))).toEqual([2 * MIB, 2 * MIB, 5 * MIB, 8 * MIB])
  expect(of(0)(0)).toBe(32 * MIB)
})

test('a commit to the embedded store rewrites its share of the buckets at least, within what may hold up the thread', () => {
  const MIB = 1024 * 1024
  const { rewriteBytes } = paceOf(() => 8)
  expect([0, 1, 12, 32, 1_000].map(share => rewriteBytes(share * MIB) / MIB)).toEqual([4, 4, 12, 32, 32])
})

test('the share of a commit is as much of the buckets as it is of what deltas may have', async () => {
  const shares: number[] = []
  const rewriteBytes = (share: number): number => {
    shares.push(share)
    return Number.POSITIVE_INFINITY
  }
  const commit = committing({ deltaBytes: () => 100_000, due: () => Number.POSITIVE_INFINITY, rewriteBytes })
  const buckets = await commit('one', RECORDS)
  await commit('two', 100)
  await commit('three', 200)
  expect(shares[0]).toBe(0)
  expect(shares[1]).toBeGreaterThan(0)
  expect(shares[1]).toBeLessThan(buckets / 4)
  expect(Math.round(shares[2]! / shares[1]!)).toBe(2)
})
