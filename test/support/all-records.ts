import { splitId } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import type { CheckpointStore, Claim, RecordKey, Space } from '../../src/checkpoint/index.ts'
import { type Latest, takeLatest, withStay } from '../../src/partition/pulses.ts'
import { load } from './checkpoint-records.ts'

const SPACES: Space[] = ['actor', 'deadline', 'aggregate', 'documents', 'outbox', 'parked']

export const nameOf = ({ space, names }: RecordKey): string => JSON.stringify([space, ...names])

const isPulses = ({ space, names }: RecordKey): boolean => space === 'aggregate' && names[0] === 'pulses'
const isStates = ({ space, names }: RecordKey): boolean => space === 'aggregate' && names[0] === 'states'
// Records of who is alive reach as far back as the clock's last look: `counters` hold it to the actors.
const isAlive = ({ space, names }: RecordKey): boolean => space === 'aggregate' && names[0] === 'alive'

/**
 * Every record of a partition, by its name: actors with their pulses, and how many there are in each state by kind, since
 * which commit has which hangs on when it came.
 */
export async function allRecords(store: CheckpointStore, claim: Claim): Promise<Map<string, unknown>> {
  const keys = SPACES.map((space): RecordKey => ({ space, names: [] }))
  const found = await load(store, claim, ...keys)
  const others = found.filter(record => !isPulses(record) && !isStates(record) && !isAlive(record))
  const records = new Map(others.map(record => [nameOf(record), record.value]))
  for (const { space, names, value } of found.filter(isStates)) {
    const { kinds } = value as { kinds: Record<string, unknown> }
    for (const [kind, states] of Object.entries(kinds)) records.set(nameOf({ space, names: [...names, kind] }), states)
  }
  const stays = new Map<string, Latest>()
  for (const { names, value } of found.filter(isPulses)) takeLatest(stays, names[1]!, value)
  for (const id of stays.keys()) {
    const { kind, key } = splitId(id)
    const actor: RecordKey = { space: 'actor', names: [kind, key, ''] }
    const own = KINDS.find(each => each.kind === kind)!
    const { value } = withStay(own, { ...actor, value: records.get(nameOf(actor)) }, stays)
    records.set(nameOf(actor), value)
  }
  return records
}
