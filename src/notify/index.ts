/**
 * Notify: performs the effects that actors ask of the world. Each comes at least once, always with the same id,
 * after the documents of its cut are written.
 */
import type { Seq } from '../log/index.ts'

/** What a transition asked of the world. Its id, `<actor>:<seq>:<index>`, is the same however often it is tried. */
export interface Effect {
  id: string
  kind: string
  actor: string
  /** of the entry it stems from, and which of the actor's effects in it */
  seq: Seq
  index: number
  /** partition time */
  at: number
  payload: { [fact: string]: unknown }
}

export interface Notifier {
  /** Resolves when the effects are done; repeating one must not show. Rejects if none of them may count as done. */
  perform(effects: Effect[]): Promise<void>
}
