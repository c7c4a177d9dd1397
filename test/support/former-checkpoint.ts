import type { CheckpointRecord } from '../../src/checkpoint/index.ts'
import { RollcallError } from '../../src/errors.ts'
import { openStateEnvironment } from '../../src/lmdb/index.ts'
import { seals } from '../../src/lmdb/sealed.ts'
import { INCARNATION, MARK } from './checkpoint-records.ts'

type Key = (string | number)[]

const { seal, open } = seals(true)

/** Leaves a partition as former versions did in LMDB: a key a record, and a manifest that lists none of them. */
export async function leaveFormer(path: string, partition: number, cut: number, records: CheckpointRecord[]) {
  const env = openStateEnvironment(path)
  const table = env.openDB<Buffer, Key>('checkpoint', { useVersions: true, cache: false, encoding: 'binary' })
  const put = (key: Key, value: unknown, n: number) => table.put(key, seal(key.join('\0'), value), n)
  for (const { space, names, value } of records) put([partition, space, ...names], value, 7)
  await put([partition, 'manifest'], { owner: 'former', epoch: 3, n: 7, cut, incarnation: INCARNATION, mark: MARK }, 7)
  await env.close()
}

/** The manifest as it is kept. */
export async function manifestOf(path: string, partition: number): Promise<{ value: unknown }> {
  const env = openStateEnvironment(path)
  const table = env.openDB<Buffer, Key>('checkpoint', { useVersions: true, cache: false, encoding: 'binary' })
  const key = [partition, 'manifest']
  const bytes = table.get(key)!
  const value = open(key.join('\0'), bytes, () => new RollcallError('RC_CHECKPOINT_CORRUPT'))
  await env.close()
  return { value }
}

/** How many keys of former records a partition has, and how many pieces of blobs. */
export async function keysIn(path: string, partition: number): Promise<{ records: number; pieces: number }> {
  const env = openStateEnvironment(path)
  const table = env.openDB<Buffer, Key>('checkpoint', { useVersions: true, cache: false, encoding: 'binary' })
  const keys = [...table.getKeys({ start: [partition], end: [partition + 1] })]
  await env.close()
  const pieces = keys.filter(([, part]) => part === 'blobs').length
  return { records: keys.length - pieces - 1, pieces }
}
