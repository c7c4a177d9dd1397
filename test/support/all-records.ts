import type { CheckpointStore, Claim, RecordKey, Space } from '../../src/checkpoint/index.ts'
import { load } from './checkpoint-records.ts'

const SPACES: Space[] = ['actor', 'deadline', 'aggregate', 'documents', 'outbox', 'parked']

export const nameOf = ({ space, names }: RecordKey): string => JSON.stringify([space, ...names])

/** Every record of a partition, by its name. */
export async function allRecords(store: CheckpointStore, claim: Claim): Promise<Map<string, unknown>> {
  const keys = SPACES.map((space): RecordKey => ({ space, names: [] }))
  return new Map((await load(store, claim, ...keys)).map(record => [nameOf(record), record.value]))
}
