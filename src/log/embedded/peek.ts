import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'lmdb'
import type { Bounds, Seq } from '../index.ts'
import { Kept, type Made } from './tables.ts'

/** A log that is only looked at: nothing is made, nobody is waited for. */
export interface LogLook {
  /** those it was made with; null if there is no log */
  readonly settings: Record<string, unknown> | null
  /** null if there is no such partition */
  bounds(partition: number): Promise<Bounds | null>
  /** By which the entry is known from another one in its place; null if it is not held. */
  mark(partition: number, seq: Seq): Promise<string | null>
  close(): Promise<void>
}

const NOTHING: LogLook = {
  settings: null,
  bounds: async () => null,
  mark: async () => null,
  close: async () => {},
}

/** The embedded log, also while a server has it open. */
export async function lookAtLog(path: string): Promise<LogLook> {
  if (!existsSync(join(path, 'data.mdb'))) return NOTHING
  const env = open({ path, maxDbs: 4, compression: false, readOnly: true })
  const made = env.openDB<Made, string>('meta', {})?.get('log')
  if (!made) {
    await env.close()
    return NOTHING
  }
  const kept = new Kept(env, made)
  return {
    settings: made.settings,
    async bounds(partition) {
      if (partition >= made.partitions) return null
      const last = kept.last(partition)
      return { incarnation: kept.origin(partition).incarnation, first: kept.first(partition, last), last }
    },
    mark: async (partition, seq) => kept.mark(partition, seq),
    close: () => kept.close(),
  }
}
