import { openLogEnvironment, openStateEnvironment } from '../../src/lmdb/index.ts'
import { keyOf } from '../../src/log/embedded/tables.ts'

/** The same bytes but for one bit, as a disk or a memory gives them that fails. */
export function flipped(bytes: Uint8Array, bit: number): Buffer {
  const other = Buffer.from(bytes)
  other[bit >> 3]! ^= 1 << (bit & 7)
  return other
}

/** Flips a bit of an entry of the log in LMDB. */
export async function flipInLog(path: string, partition: number, seq: number, bit: number): Promise<void> {
  const env = openLogEnvironment(path)
  const entries = env.openDB<Buffer, Buffer>('entries', { encoding: 'binary', keyEncoding: 'binary' })
  const key = keyOf(partition, seq)
  await entries.put(key, flipped(entries.get(key)!, bit))
  await env.close()
}

/** Flips a bit of what is under a key of the state in LMDB. */
export async function flipInState(
  path: string,
  table: string,
  key: (string | number)[] | Buffer,
  bit: number,
): Promise<void> {
  const env = openStateEnvironment(path)
  const keyEncoding = Buffer.isBuffer(key) ? 'binary' : 'ordered-binary'
  const records = env.openDB<Buffer, typeof key>(table, {
    useVersions: true,
    cache: false,
    encoding: 'binary',
    keyEncoding,
  })
  const { value, version } = records.getEntry(key)!
  await records.put(key, flipped(value, bit), version!)
  await env.close()
}
