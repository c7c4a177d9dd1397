import { actorId, splitId } from '../../actors/index.ts'
import type { RuleChange } from '../../machines/day-rules.ts'
import type { PresentRecord } from '../audience/present.ts'
import type { Sums } from '../audience/sums.ts'
import type { CheckpointStore, RecordKey } from '../checkpoint/index.ts'
import type { DocumentStore } from '../documents/index.ts'
import type { Effect } from '../effects/index.ts'
import type { Seq } from '../log/index.ts'
import { eachStep, type Steps, step } from '../observe/steps.ts'
import type { Clock } from './clock.ts'
import type { Partition } from './partition.ts'
import { type DocumentWrite, project, windowsIn } from './projections.ts'

const FROM_THE_START: RecordKey[] = [
  { space: 'aggregate', names: ['clock'] },
  { space: 'aggregate', names: ['rules'] },
  { space: 'aggregate', names: ['states'] },
  { space: 'aggregate', names: ['totals'] },
  { space: 'aggregate', names: ['pulses'] },
  { space: 'aggregate', names: ['stream'] },
  { space: 'aggregate', names: ['alive'] },
  { space: 'outbox', names: [] },
  { space: 'parked', names: [] },
  { space: 'documents', names: [] },
]

/**
 * Puts into a new partition what must be at hand from the start; deadlines come behind, actors when events need them.
 * Returns the document writes of the last cuts, in order, which may not have been done.
 */
export async function recover(
  partition: Partition,
  store: CheckpointStore,
  steps?: Steps,
): Promise<{ seq: Seq; writes: DocumentWrite[] }[]> {
  const { claim, outbox, parking, counters, clock, rules, population, residents } = partition
  const unsure: { seq: Seq; writes: DocumentWrite[] }[] = []
  const alive: PresentRecord[] = []
  const records = eachStep(steps, 'claim.records', claim, store.load(claim, FROM_THE_START))
  for await (const { space, names, value } of records) {
    if (space === 'outbox') outbox.restore(value as Effect)
    else if (space === 'parked') parking.restore(names, value)
    else if (space === 'documents') unsure.push({ seq: Number(names[0]), writes: value as DocumentWrite[] })
    else if (names[0] === 'clock') Object.assign(clock, value as Clock)
    else if (names[0] === 'pulses') residents.pulses.restore(names[1]!, value)
    else if (names[0] === 'states') population.restore(value, claim.cut)
    else if (names[0] === 'rules') rules.restore(value as RuleChange[])
    else if (names[0] === 'alive') alive.push({ names, value })
    else counters.restore({ names, value })
  }
  if (!counters.present.restore(alive, claim.cut, clock.time)) await countAlive(partition, steps)
  partition.evict(clock.time)
  return unsure.sort((a, b) => a.seq - b.seq)
}

/** Writes again what the last cuts were to write; the next commit forgets it. */
export async function redo(
  partition: Partition,
  unsure: readonly { seq: Seq; writes: DocumentWrite[] }[],
  { documents, sums, steps }: { documents: DocumentStore; sums?: Pick<Sums, 'add'>; steps?: Steps | undefined },
): Promise<void> {
  for (const { seq, writes } of unsure) await project(documents, writes, seq, steps)
  const windows = unsure.flatMap(({ writes }) => windowsIn(writes))
  const summed = (windows.length > 0 && sums?.add(windows)) || Promise.resolve()
  summed.then(() => {
    for (const { seq } of unsure) partition.projected(seq)
  })
}

// A former version kept no records of who is alive. Actors that may be alive have a deadline ahead: their kinds see to that.
async function countAlive(
  { claim, kinds, wheel, deadlines, residents, counters, parking }: Partition,
  steps?: Steps,
): Promise<void> {
  await deadlines.loaded({ steps })
  const present = [...wheel.entries()].map(([id]) => splitId(id)).filter(({ kind }) => kinds.get(kind)?.presence)
  await step(steps, 'claim.presence', claim, () => residents.load(present))
  for (const { kind, key } of present) {
    const id = actorId(kind, key)
    try {
      const last = kinds.get(kind)!.presence!(residents.get(id).snapshot.context)
      if (last) counters.moved(key, null, last)
    } catch (error) {
      parking.close(id, error as Error)
    }
  }
}
