/** A derivation that begins at a copy of the state: the copy in a scratch, with what follows from it alone. */
import { type ActorKind, splitId } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import type { CheckpointRecord, CheckpointStore, Claim, Delta, RecordKey } from '../checkpoint/index.ts'
import { type Kept, type KeptSlices, keptRecords } from '../checkpoint/kept.ts'
import type { DocumentStore } from '../documents/index.ts'
import { type DocumentWrite, Projections, project } from '../partition/projections.ts'
import { type Latest, takeLatest, withStay } from '../partition/pulses.ts'
import { Transitions } from '../partition/transitions.ts'
import type { ActorRecords } from './actor-records.ts'

interface Scratch {
  store: CheckpointStore
  documents: DocumentStore
  actors: ActorRecords
}

const WRITES_AT_ONCE = 1_000

/** Puts a copy into a scratch, with the documents that follow from it alone. */
export async function seed(scratch: Scratch, partition: number, slices: KeptSlices, kept: Kept): Promise<void> {
  const { store, documents } = scratch
  const claim = await store.claim(partition, 'verify')
  const delta = { incarnation: 'derived', mark: kept.mark, removes: [] }
  for await (const puts of keptRecords(slices, partition, kept)) await store.commit(claim, kept.cut, { ...delta, puts })
  await settlePulses(store, claim, delta)
  let writes: DocumentWrite[] = []
  const flush = async (): Promise<void> => {
    await project(documents, writes, kept.cut)
    writes = []
  }
  for await (const some of shownBy(scratch, claim)) {
    writes.push(...some)
    if (writes.length >= WRITES_AT_ONCE) await flush()
  }
  await flush()
}

/** Puts the pulses of actors into their own records: a derivation keeps none beside them. */
async function settlePulses(
  store: CheckpointStore,
  claim: Claim,
  delta: Omit<Delta, 'puts' | 'removes'>,
): Promise<void> {
  const stays = new Map<string, Latest>()
  const removes: RecordKey[] = []
  for await (const { value, ...key } of store.load(claim, [{ space: 'aggregate', names: ['pulses'] }])) {
    takeLatest(stays, key.names[1]!, value)
    removes.push(key)
  }
  let puts: CheckpointRecord[] = []
  for (const id of stays.keys()) {
    const { kind: name, key } = splitId(id)
    const kind = KINDS.find(({ kind }) => kind === name)!
    for await (const record of store.load(claim, [{ space: 'actor', names: [name, key, ''] }]))
      puts.push(withStay(kind, record, stays))
    if (puts.length < WRITES_AT_ONCE) continue
    await store.commit(claim, claim.cut, { ...delta, puts, removes: [] })
    puts = []
  }
  await store.commit(claim, claim.cut, { ...delta, puts, removes })
}

/** The documents that actors and windows show, as far as these still know what they showed. */
async function* shownBy({ store, actors }: Scratch, claim: Claim): AsyncGenerator<DocumentWrite[]> {
  const { partition } = claim
  for await (const { names, value } of store.load(claim, [{ space: 'aggregate', names: ['window'] }])) {
    yield [{ collection: 'statistics', id: `${names[1]}/${partition}`, set: { partition, ...(value as object) } }]
  }
  const transitions = new Transitions()
  const kinds = new Map(KINDS.map(kind => [kind.kind, kind]))
  for await (const actor of actors.gathered(partition, store.load(claim, [{ space: 'actor', names: [] }]))) {
    const kind = kinds.get(actor[0]!.names[0]!)
    if (kind) yield shownByActor(kind, actor, transitions)
  }
}

function shownByActor(
  kind: ActorKind,
  [head, ...parts]: CheckpointRecord[],
  transitions: Transitions,
): DocumentWrite[] {
  const projection = new Projections()
  const { context } = transitions.restore(kind, head!.value)
  const whole = parts.reduce((now, { names, value }) => kind.withPart(now, { names: names.slice(2), value }), context)
  kind.project(transitions.initial(kind).context, whole, head!.names[1]!, projection)
  return projection.take()
}
