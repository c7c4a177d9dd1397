import { RollcallError } from '../../errors.ts'
import type { Connection } from '../../nats/index.ts'
import { ENTRY_EVENTS, entryOf } from '../entries.ts'
import { fingerprintOf } from '../fingerprint.ts'
import type { Entry, Seq } from '../index.ts'
import { countOf } from '../rows-entry.ts'
import { Consumer, type Message } from './consumer.ts'
import type { HighWater } from './high-water.ts'
import type { Streams } from './streams.ts'
import { boundsWithTail } from './tail.ts'

/** A reader tries again no sooner. */
const PAUSE_MS = 100

interface Reading {
  connection: Connection
  streams: Streams
  partition: number
  after: Seq
  /** the log that is read; another one has other seqs */
  incarnation: string
  highWater: HighWater
  signal: AbortSignal
}

/** The entries after `after`, dense. Before it goes on after a fault it looks whether the stream still holds what follows. */
export async function* readStream(reading: Reading): AsyncGenerator<Entry[]> {
  const { connection, partition, highWater, signal } = reading
  let { after } = reading
  /** the entry at `after`, once it was read */
  let last: Entry | null = null
  let gapAfter: Seq | undefined
  while (!signal.aborted) {
    const consumer = await consumerAt({ ...reading, after }, last && fingerprintOf(last))
    if (!consumer) return
    let isDense = true
    try {
      while (isDense) {
        const found = await consumer.next()
        if (!found || signal.aborted) break
        isDense = found.every(({ seq }, i) => seq === after + 1 + i)
        if (!isDense) break
        for (const entries of decoded(partition, found)) {
          if (signal.aborted) return
          last = entries.at(-1)!
          after = last.seq
          highWater.raise(partition, after)
          yield entries
        }
      }
    } finally {
      consumer.end()
    }
    // An entry that a second consumer does not bring either is not there.
    if (!isDense && gapAfter === after) throw truncated(partition, after)
    if (!isDense) gapAfter = after
    await connection.time.sleep(PAUSE_MS, signal)
  }
}

/** Throws if the stream is another one, or does not hold what follows `after`. */
async function consumerAt(
  { connection, streams, highWater, ...reading }: Reading,
  mark: string | null,
): Promise<Consumer | undefined> {
  const { partition, after, incarnation, signal } = reading
  const { manager } = streams
  const deadline = Number.POSITIVE_INFINITY
  try {
    const last = Math.max(after, highWater.of(partition))
    const { first } = await boundsWithTail({
      time: connection.time,
      streams,
      partition,
      incarnation,
      last,
      deadline,
      signal,
    })
    if (first > after + 1) throw truncated(partition, after)
    const there = mark === null ? null : await streams.mark(partition, after, deadline, signal)
    if (there !== null && there !== mark) {
      throw new RollcallError('RC_LOG_BEHIND', `Partition ${partition}: entry ${after} is another one than was read.`)
    }
    const from = after + 1
    const open = (stream: string) => Consumer.open({ connection, manager, stream, from, signal })
    return await streams.ask(partition, open, deadline, signal)
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}

/** Handed over as soon as they hold so many events as one entry may, so that decoding them holds nobody up. */
function* decoded(partition: number, messages: Message[]): Generator<Entry[]> {
  let entries: Entry[] = []
  let count = 0
  for (const { seq, data, isOurs } of messages) {
    let entry: Entry
    try {
      entry = entryOf(partition, seq, data, isOurs)
    } catch (error) {
      if (entries.length > 0) yield entries
      throw error
    }
    entries.push(entry)
    count += countOf(entry)
    if (count < ENTRY_EVENTS) continue
    yield entries
    entries = []
    count = 0
  }
  if (entries.length > 0) yield entries
}

const truncated = (partition: number, after: Seq): RollcallError =>
  new RollcallError('RC_LOG_TRUNCATED', `Partition ${partition}: the log no longer holds entry ${after + 1}.`)
