/**
 * Notify: performs the effects that actors ask of the world. Each comes at least once, always with the same id,
 * after the documents of its cut are written.
 */
import type { Effect } from '../shard/outbox.ts'

export interface Notifier {
  /** Resolves when the effects are done; repeating one must not show. Rejects if none of them may count as done. */
  perform(effects: Effect[]): Promise<void>
}
