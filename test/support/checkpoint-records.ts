import type { CheckpointRecord, CheckpointStore, Claim, Delta, RecordKey, Space } from '../../src/checkpoint/index.ts'

export const INCARNATION = 'log-1'
export const MARK = 'of the entry at the cut'
export const put = (space: Space, names: string[], value: unknown = null): CheckpointRecord => ({ space, names, value })
export const actors = (count: number, value: unknown): CheckpointRecord[] =>
  Array.from({ length: count }, (_, i) => put('actor', ['viewer', `v${i}`], value))
export const delta = (puts: CheckpointRecord[], removes: RecordKey[] = []): Delta => ({
  ...{ incarnation: INCARNATION, mark: MARK, puts, removes },
})

/** In the order of their names, whatever order they come in. */
export async function load(store: CheckpointStore, claim: Claim, ...keys: RecordKey[]): Promise<CheckpointRecord[]> {
  const found: CheckpointRecord[] = []
  for await (const record of store.load(claim, keys)) found.push(record)
  const order = ({ names }: CheckpointRecord) => names.join('\n')
  return found.sort((one, other) => (order(one) < order(other) ? -1 : 1))
}
