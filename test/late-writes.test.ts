import { expect, test } from 'vitest'
import { type Blobs, firstManifest, type Manifest, type Manifests, type Piece } from '../src/checkpoint/blobs.ts'
import { keyOfBlob, LmdbBlobs } from '../src/checkpoint/embedded/blobs.ts'
import { checkpointsOf } from '../src/checkpoint/store.ts'
import { allRecords, nameOf } from './support/all-records.ts'
import { delta, put } from './support/checkpoint-records.ts'
import { seeded } from './support/random.ts'

const COMMITS = 200
const PARTITIONS = [1, 2, 3]

/** Checkpoints whose pieces are read some turns after they were given, as LMDB does, also of commits that have no answer. */
function lateCheckpoints() {
  const random = seeded('late writes')
  const kept = new Map<string, Buffer>()
  const manifests = new Map<number, Manifest>()
  const turns = async (): Promise<void> => {
    for (let n = random.int(0, 20); n > 0; n--) await null
  }
  const write = (pieces: Piece[]): void => {
    for (const { id, bytes } of pieces) {
      const [partition, epoch, n, i, piece] = id.split('/')
      kept.set([...keyOfBlob(`${partition}/${epoch}/${n}/${i}`), Number(piece)].join('/'), Buffer.from(bytes))
    }
  }
  const late: Manifests = {
    read: async partition => manifests.get(partition) ?? null,
    async claim(partition, owner) {
      manifests.set(partition, firstManifest(partition, owner))
      return manifests.get(partition)!
    },
    async commit(partition, _epoch, next, pieces) {
      if (random.chance(0.1)) {
        // The commit has no answer, and comes through.
        turns().then(() => {
          write(pieces)
          manifests.set(partition, { ...manifests.get(partition)!, ...next })
          landed.get(partition)?.()
        })
        await new Promise<void>(resolve => landed.set(partition, resolve))
        return false
      }
      await turns()
      write(pieces)
      manifests.set(partition, { ...manifests.get(partition)!, ...next })
      return true
    },
    forget: async partition => void manifests.delete(partition),
  }
  const landed = new Map<number, () => void>()
  const lmdb = new LmdbBlobs(key => kept.get(key.join('/')))
  const blobs: Blobs = {
    ...{ packDelta: lmdb.packDelta.bind(lmdb), packBucket: lmdb.packBucket.bind(lmdb), ids: async () => [] },
    readDeltas: async wanted => wanted.map(blob => lmdb.delta(blob)),
    readBuckets: async wanted => wanted.map(each => lmdb.bucket(each)),
    useBucket: async (blob, use) => lmdb.useBucket(blob, use),
  }
  const pace = {
    deltaBytes: () => 0,
    due: () => Number.POSITIVE_INFINITY,
    rewriteBytes: () => Number.POSITIVE_INFINITY,
  }
  return { ...checkpointsOf(late, blobs, () => pace), close: async () => {} }
}

test('what a commit has given to be written stays as it is until it has come through, whatever others write', async () => {
  const store = lateCheckpoints()
  const claims = await Promise.all(PARTITIONS.map(n => store.claim(n, 'test')))
  const models = new Map(PARTITIONS.map(n => [n, new Map<string, unknown>()]))
  await Promise.all(
    claims.map(async claim => {
      for (let cut = 1; cut <= COMMITS; cut++) {
        const puts = Array.from({ length: cut === 1 ? 100 : 3 }, (_, n) =>
          put('actor', ['viewer', `v${(cut * n) % 100}`, ''], `${claim.partition} ${cut} ${'x'.repeat(100)}`),
        )
        await store.commit(claim, cut, delta(puts))
        for (const { value, ...key } of puts) models.get(claim.partition)!.set(nameOf(key), value)
      }
    }),
  )
  for (const claim of claims) expect(await allRecords(store, claim)).toEqual(models.get(claim.partition))
})
