/** The state of a partition as it is kept, held against the state that its log makes. */
import type { RecordKey } from '../checkpoint/index.ts'
import type { FoundRecord, Held } from '../checkpoint/peek.ts'
import type { DocumentWrite } from '../partition/projections.ts'
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
  let matched = 0
  for await (const record of held.records()) {
    if (++counts.records % AT_ONCE === 0) await pace.spend(AT_ONCE)
    if ('error' in record) {
      checked.tell({ of: 'state', name: nameOf(record), text: `cannot be read: ${record.error.message}` })
      if (derivation && (await derivation.record(record))) matched++
    } else if (record.space === 'documents') takePending(record, checked)
    else if (derivation && record.space !== 'outbox' && (await compare(record, derivation, checked))) matched++
  }
  if (derivation) await findMissing(held, derivation, checked, matched)
}

function takePending({ names, value }: FoundRecord & { value: unknown }, checked: Checked): void {
  for (const { collection, id, set } of value as DocumentWrite[]) {
    const name = nameOfDocument(collection, id)
    checked.pending.set(name, Math.max(Number(names[0]), checked.pending.get(name) ?? 0))
    if (collection === 'statistics') checked.windows.add(Number(set!.timestamp))
  }
}

/** True if the record is derived too, alike or not. */
async function compare(
  record: RecordKey & { value: unknown },
  derivation: Derivation,
  checked: Checked,
): Promise<boolean> {
  const derived = await derivation.record(record)
  const text = unlike(record.value, derived?.value)
  if (text) {
    const of = { of: 'state', name: nameOf(record), text: derived ? text : 'should not be there' } as const
    checked.suspect(of, { record, kept: record.value })
  }
  return derived !== undefined
}

async function findMissing(held: Held, derivation: Derivation, checked: Checked, matched: number): Promise<void> {
  let derived = 0
  for await (const { space } of derivation.records()) if (space !== 'outbox') derived++
  if (derived === matched) return
  for await (const record of derivation.records()) {
    if (record.space === 'outbox' || held.get(record)) continue
    const { space, names } = record
    checked.suspect(
      { of: 'state', name: nameOf(record), text: 'is not there' },
      { record: { space, names }, kept: undefined },
    )
  }
}
