/** The state of a partition as it is kept, held against the state that its log makes. */
import { type ActorKind, actorId, splitId } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import type { CheckpointRecord, RecordKey } from '../checkpoint/index.ts'
import type { FoundRecord, Held } from '../checkpoint/peek.ts'
import type { Seq } from '../log/index.ts'
import type { DocumentWrite } from '../partition/projections.ts'
import { type Latest, takeLatest, withStay } from '../partition/pulses.ts'
import { type KeptSnapshot, migrated } from '../partition/transitions.ts'
import { AliveCheck } from './alive.ts'
import { type Checked, nameOfDocument } from './checked.ts'
import type { Derivation } from './derivation.ts'
import type { Pace } from './pace.ts'
import { unlike } from './unlike.ts'

const AT_ONCE = 500

const nameOf = ({ space, names }: RecordKey): string => [space, ...names].join(' ').trimEnd()

/** Reads every record; `derivation` null: only to see that it can be read. */
export async function compareRecords(
  held: Held,
  derivation: Derivation | null,
  { checked, pace, counts }: { checked: Checked; pace: Pace; counts: { records: number } },
): Promise<void> {
  const pulses = derivation ? await pulsesOf(held, checked) : new Map<string, Latest>()
  let matched = 0
  for await (const record of held.records()) {
    if (++counts.records % AT_ONCE === 0) await pace.spend(AT_ONCE)
    if ('error' in record) {
      checked.tell({ of: 'state', name: nameOf(record), text: `cannot be read: ${record.error.message}` })
      if (derivation && !isAside(record) && (await derivation.record(record))) matched++
    } else if (record.space === 'documents') takePending(record, checked)
    else if (isAside(record) || isOfOtherCut(record, checked.cut)) continue
    else if (derivation && (await compare(asNow(record, pulses), derivation, checked))) matched++
  }
  for (const id of pulses.keys()) {
    const { kind, key } = splitId(id)
    if (!(await derivation?.record({ space: 'actor', names: [kind, key, ''] })))
      checked.tell({ of: 'state', name: `pulses ${id}`, text: 'should not be there' })
  }
  if (derivation) await findMissing(held, derivation, checked, matched)
}

/** Compared otherwise, or with the actors that it is about. */
const isAside = ({ space, names }: RecordKey): boolean =>
  space === 'outbox' || (space === 'aggregate' && (names[0] === 'pulses' || names[0] === 'alive'))

/** The stays of actors, by the ids of these. */
async function pulsesOf(held: Held, checked: Checked): Promise<Map<string, Latest>> {
  const pulses = new Map<string, Latest>()
  for await (const record of held.some({ space: 'aggregate', names: ['pulses'] })) {
    if ('error' in record) continue
    try {
      takeLatest(pulses, record.names[1]!, record.value)
    } catch (error) {
      checked.tell({ of: 'state', name: nameOf(record), text: `is none of pulses: ${(error as Error).message}` })
    }
  }
  return pulses
}

/** A record as this version would keep it: an actor with its stay, which is taken. */
function asNow(record: CheckpointRecord, pulses: Map<string, Latest>): CheckpointRecord {
  const [name, key, part] = record.names
  const kind: ActorKind | undefined =
    record.space === 'actor' && part === '' ? KINDS.find(({ kind }) => kind === name) : undefined
  if (!kind || !Array.isArray(record.value)) return record
  const now = { ...record, value: migrated(kind, record.value as KeptSnapshot) }
  const whole = withStay(kind, now, pulses)
  if (kind.pulse) pulses.delete(actorId(kind.kind, key!))
  return whole
}

function takePending({ names, value }: FoundRecord & { value: unknown }, checked: Checked): void {
  for (const { collection, id, set } of value as DocumentWrite[]) {
    const name = nameOfDocument(collection, id)
    checked.pending.set(name, Math.max(Number(names[0]), checked.pending.get(name) ?? 0))
    if (collection === 'statistics') checked.windows.add(Number(set!.timestamp))
  }
}

/** A derived value without what a former version did not keep, if the record is of one. */
function asFormerly(derived: unknown, { space, names, value }: CheckpointRecord): unknown {
  if (space !== 'aggregate' || names[0] !== 'totals' || 'newest' in (value as object)) return derived
  const { newest: _, ...totals } = derived as { newest?: number }
  return totals
}

/** True if the record is derived too, alike or not. */
async function compare(record: CheckpointRecord, derivation: Derivation, checked: Checked): Promise<boolean> {
  const derived = await derivation.record(record)
  const text = unlike(record.value, derived && asFormerly(derived.value, record))
  if (text) {
    const of = { of: 'state', name: nameOf(record), text: derived ? text : 'should not be there' } as const
    checked.suspect(of, { record, kept: record.value })
  }
  return derived !== undefined
}

/** Counts of actors that a former version did not keep, or left as they were: their owner makes them when it claims the partition. */
const isCountedAnew = ({ space, names }: RecordKey): boolean => space === 'aggregate' && names[0] === 'states'
const isOfOtherCut = (record: CheckpointRecord, cut: Seq): boolean =>
  isCountedAnew(record) && (record.value as { cut?: unknown }).cut !== cut

async function findMissing(held: Held, derivation: Derivation, checked: Checked, matched: number): Promise<void> {
  const alive = await AliveCheck.of(held, checked)
  let derived = 0
  for await (const record of derivation.records()) {
    if (isAside(record)) continue
    derived++
    alive.take(record)
  }
  alive.end(checked)
  if (derived === matched) return
  for await (const record of derivation.records()) {
    if (isAside(record) || isCountedAnew(record) || held.get(record)) continue
    const { space, names } = record
    checked.suspect(
      { of: 'state', name: nameOf(record), text: 'is not there' },
      { record: { space, names }, kept: undefined },
    )
  }
}
