import type { Database } from 'lmdb'
import { pack, unpack } from 'msgpackr'
import { openStateEnvironment } from '../../lmdb/index.ts'
import { isThere } from '../../lmdb/readable.ts'
import { bodyOf, type Kept, type KeptSlices, newestFirst, SLOTS, sealed } from '../kept.ts'

type Key = [partition: number, slot: number, slice: number]
const HEAD = -1
const CLEARED_AT_ONCE = 200

/** Copies in an LMDB environment of their own, so that they are no part of the state's file. */
export function openKept(path: string, { readOnly = false } = {}): KeptSlices {
  if (readOnly && !isThere(path)) return NOTHING
  const env = openStateEnvironment(path, readOnly ? { readOnly } : {})
  const db: Database<Buffer, Key> = env.openDB<Buffer, Key>('kept', { encoding: 'binary' })
  const keysOf = (partition: number, slot: number, limit: number) =>
    [...db.getKeys({ start: [partition, slot, HEAD], end: [partition, slot + 1, HEAD], limit })] as Key[]
  return {
    async heads(partition) {
      env.resetReadTxn()
      const slots = Array.from({ length: SLOTS }, (_, slot) => db.get([partition, slot, HEAD]))
      // A head that is not as it was written is none: its slot is free.
      const whole = slots.flatMap(bytes => bodyOf(bytes) ?? [])
      return whole.map((body): Kept => unpack(body)).sort(newestFirst)
    },
    write: async (partition, slot, slice, bytes) => void (await db.put([partition, slot, slice], bytes)),
    async finish(partition, head) {
      await env.flushed
      await db.put([partition, head.slot, HEAD], sealed(pack(head)))
      await env.flushed
    },
    async *read(partition, slot) {
      env.resetReadTxn()
      for (let slice = 0; ; slice++) {
        const bytes = db.get([partition, slot, slice])
        if (!bytes) return
        yield Buffer.from(bytes)
      }
    },
    async clear(partition, slot) {
      await db.remove([partition, slot, HEAD])
      for (;;) {
        env.resetReadTxn()
        const keys = keysOf(partition, slot, CLEARED_AT_ONCE)
        await Promise.all(keys.map(key => db.remove(key)))
        if (keys.length < CLEARED_AT_ONCE) return
      }
    },
    close: () => env.close(),
  }
}

const NOTHING: KeptSlices = {
  heads: async () => [],
  write: async () => {},
  finish: async () => {},
  async *read() {},
  clear: async () => {},
  close: async () => {},
}
