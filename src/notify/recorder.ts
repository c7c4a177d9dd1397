import type { DocumentStore } from '../documents/index.ts'
import type { Notifier } from './index.ts'

/** Effects kept of each partition. */
const KEEP = 1_000

/** Records effects instead of sending them, for a system without anyone to send them to. */
export function recorder(documents: DocumentStore, partition: number): Notifier {
  let recorded = KEEP
  return {
    async perform(effects) {
      const upserts = effects.map(({ id, kind, actor, seq, index, at, payload }) => ({
        id,
        seq,
        set: { kind, actor, partition, seq, index, at, payload, state: 'recorded' },
      }))
      await documents.upsertMany('effects', upserts)
      recorded += effects.length
      if (recorded < KEEP / 2) return
      recorded = 0
      const old = await documents.find('effects', { filter: { partition }, sort: { seq: -1, index: -1 }, skip: KEEP })
      await documents.removeMany(
        'effects',
        old.map(({ _id }) => _id),
        Number.MAX_SAFE_INTEGER,
      )
    },
  }
}
