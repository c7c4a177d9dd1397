import { expect, test } from 'vitest'
import { firstManifest } from '../src/checkpoint/blobs.ts'
import { keyOfBlob, LmdbBlobs } from '../src/checkpoint/embedded/blobs.ts'
import { Image } from '../src/checkpoint/image.ts'
import { runOf } from '../src/checkpoint/run.ts'
import { put } from './support/checkpoint-records.ts'

const [RECORDS, REWRITE_BYTES] = [20_000, 200_000]

test('a heavy commit rewrites no more than so many bytes at once, and the next ones the rest', async () => {
  const kept = new Map<string, Buffer>()
  const lmdb = new LmdbBlobs(key => kept.get(key.join('/')))
  const pace = { deltaBytes: () => 10_000, due: () => 0, rewriteBytes: Number.POSITIVE_INFINITY }
  const image = new Image(firstManifest(0, 'test'), pace)
  const blobs = {
    ...{ packDelta: lmdb.packDelta.bind(lmdb), packBucket: lmdb.packBucket.bind(lmdb), ids: async () => [] },
    readDeltas: async () => [],
    readBuckets: async () => [],
  }
  /** Bytes of the buckets that the commit rewrote. */
  const commit = async (value: string, records: number): Promise<number> => {
    const puts = Array.from({ length: records }, (_, n) => put('actor', ['viewer', `v${n}`, ''], value))
    const anchor = { cut: 1, incarnation: 'log', mark: null }
    const plan = await image.plan(runOf({ puts, removes: [] }), anchor, blobs, async blob => lmdb.bucket({ blob })!)
    for (const { id, bytes } of plan.pieces) {
      const [partition, epoch, n, i, piece] = id.split('/')
      kept.set([...keyOfBlob(`${partition}/${epoch}/${n}/${i}`), Number(piece)].join('/'), bytes)
    }
    image.land(plan)
    return plan.made.reduce((sum, { entry }) => sum + entry.bytes, 0)
  }
  const whole = await commit('one', RECORDS)
  expect(whole).toBeGreaterThan(3 * REWRITE_BYTES)
  pace.rewriteBytes = REWRITE_BYTES
  const rewritten = [await commit('two', RECORDS)]
  for (let n = 0; n < 50; n++) rewritten.push(await commit('three', 1))
  expect(Math.max(...rewritten)).toBeLessThan(3 * REWRITE_BYTES)
  expect(rewritten.reduce((sum, bytes) => sum + bytes)).toBeGreaterThan(whole * 0.9)
  expect(rewritten.at(-1)).toBeLessThan(REWRITE_BYTES)
})
