import { isCode } from '../../errors.ts'
import { type Address, openConnection } from '../../nats/index.ts'
import type { FoundEntry, LogPeek } from '../embedded/peek.ts'
import type { Seq } from '../index.ts'
import { Streams } from './streams.ts'

const REQUEST_MS = 3_000
/** Entries that are asked for at once, each by itself: no consumer is made that somebody might find. */
const READ_ENTRIES = 64

export interface JetStreamPeek extends LogPeek {
  /** of the server */
  version: string
  /** why JetStream cannot be used; null if it can */
  fault: string | null
  /** of the first stream; null if there is none */
  replicas: number | null
}

/** The log in JetStream. Throws RollcallError if no server answers that can be used. */
export async function peekAtJetStream(address: Address, patienceMs: number): Promise<JetStreamPeek> {
  const connection = await openConnection(address, patienceMs)
  const { version } = connection
  const streams = await Streams.open(connection)
  const unlessGone = async <T>(asked: Promise<T>): Promise<T | null> => {
    try {
      return await asked
    } catch (error) {
      if (!isCode(error, 'RC_LOG_BEHIND')) throw error
      return null
    }
  }
  const deadline = (): number => connection.time.monotonic() + REQUEST_MS
  const foundAt = async (partition: number, seq: Seq): Promise<FoundEntry | null> => {
    try {
      return await unlessGone(streams.entry(partition, seq, deadline()))
    } catch (error) {
      if (isCode(error, 'RC_LOG_UNAVAILABLE')) throw error
      return { seq, error: error as Error }
    }
  }
  const common = { version, close: () => connection.close() }
  try {
    await streams.manager.getAccountInfo()
  } catch (error) {
    const { message } = error as Error
    return {
      ...common,
      fault: message,
      replicas: null,
      settings: null,
      changed: null,
      bounds: async () => null,
      mark: async () => null,
      async *entries() {},
    }
  }
  try {
    const made = await unlessGone(streams.peek(0, deadline()))
    return {
      ...{ ...common, fault: null, replicas: made?.replicas ?? null, settings: made?.label.settings ?? null },
      changed: made?.label.changed ?? null,
      bounds: partition => unlessGone(streams.bounds(partition, deadline())),
      mark: (partition, seq) => unlessGone(streams.mark(partition, seq, deadline())),
      async *entries(partition, from, until) {
        for (let seq = from; seq <= until; seq += READ_ENTRIES) {
          const seqs = Array.from({ length: Math.min(READ_ENTRIES, until + 1 - seq) }, (_, i) => seq + i)
          const held = (await Promise.all(seqs.map(each => foundAt(partition, each)))).filter(each => each !== null)
          if (held.length > 0) yield held
        }
      },
    }
  } catch (error) {
    await connection.close()
    throw error
  }
}
