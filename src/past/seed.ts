import type { Rules } from '../../actors/index.ts'
import { type ActorKind, actorId } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import type { CheckpointRecord, RecordKey } from '../checkpoint/index.ts'
import { type KeptSlices, keptRecords } from '../checkpoint/kept.ts'
import { memoryCheckpoints } from '../checkpoint/memory.ts'
import type { Start } from '../checkpoint/start.ts'
import type { Effect } from '../effects/index.ts'
import { Partition } from '../partition/partition.ts'
import { type Latest, takeLatest, withStay } from '../partition/pulses.ts'
import { recover } from '../partition/recovery.ts'

/** An actor, and the rules that its log was made with. */
export interface Alone {
  partition: number
  kind: ActorKind
  key: string
  rules: Rules
}

/**
 * A partition in which one actor is alone, as of the start, with all that it is kept in; it commits nothing. Null if what
 * may be spent is spent before.
 */
export async function seeded(
  alone: Alone,
  slices: KeptSlices,
  start: Start,
  isSpent: () => boolean,
): Promise<Partition | null> {
  const { partition: number, kind, key, rules } = alone
  const store = memoryCheckpoints()
  const claim = await store.claim(number, 'past')
  const found = start ? await recordsOf(alone, slices, start, isSpent) : { records: [], streams: [] }
  if (!found) return null
  const { records, streams } = found
  if (start) {
    const { cut, mark } = start
    await store.commit(claim, cut, { incarnation: 'derived', mark, puts: records, removes: [] })
  }
  const partition = new Partition(claim, KINDS, rules, store)
  await recover(partition, store)
  // A partition that goes on forgets streams that froze, and reads them when they are needed; here they stay.
  for (const stream of streams) partition.counters.restore(stream)
  await partition.residents.load([{ kind: kind.kind, key }])
  const parts = records.filter(({ space, names }) => space === 'actor' && names[2] !== '')
  const unread = await partition.residents.loadParts(parts.map(({ space, names }): RecordKey => ({ space, names })))
  for (const error of unread.values()) throw error
  return partition
}

/** The records of a copy that are about the actor; and those of streams, where it forgets such that froze. */
async function recordsOf(
  { partition, kind, key }: Alone,
  slices: KeptSlices,
  start: NonNullable<Start>,
  isSpent: () => boolean,
): Promise<{ records: CheckpointRecord[]; streams: CheckpointRecord[] } | null> {
  const id = actorId(kind.kind, key)
  const [records, streams]: [CheckpointRecord[], CheckpointRecord[]] = [[], []]
  const stays = new Map<string, Latest>()
  const isOwn = ({ space, names, value }: CheckpointRecord): boolean => {
    if (space === 'actor') return names[0] === kind.kind && names[1] === key
    if (space === 'deadline' || space === 'parked') return names[0] === id
    if (space === 'outbox') return (value as Effect).actor === id
    return space === 'aggregate' && (names[0] === 'clock' || names[0] === 'rules')
  }
  for await (const some of keptRecords(slices, partition, start)) {
    if (isSpent()) return null
    for (const record of some) {
      const { space, names, value } = record
      if (isOwn(record)) records.push(record)
      else if (space !== 'aggregate') continue
      else if (names[0] === 'stream' && kind.presence) streams.push(record)
      else if (names[0] === 'pulses' && kind.pulse) takeLatest(stays, names[1]!, value, id)
    }
  }
  return { records: records.map(record => withStay(kind, record, stays)), streams }
}
