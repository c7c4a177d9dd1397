/**
 * Effects: what transitions ask of the world. They wait in the outbox of their partition, which is part of its
 * checkpoint, until they are done; the performer hands each to the receiver of its kind, again until it is.
 */
import type { Seq } from '../log/index.ts'

/** An event of some machine, as a checkpoint brings it back. */
export interface Emitted {
  type: string
  [fact: string]: unknown
}

/** An event that a machine emits, but for its type: that is the kind of the effect. */
type PayloadOf<Says> = Says extends unknown ? Omit<Says, 'type'> : never

/** What a transition asked of the world. Its id, `<actor>:<seq>:<index>`, is the same however often it is tried. */
export interface Effect<Says extends { type: string } = Emitted> {
  id: string
  kind: Says['type']
  actor: string
  /** of the entry it stems from, and which of the actor's effects in it */
  seq: Seq
  index: number
  /** partition time */
  at: number
  payload: PayloadOf<Says>
}

/** `done`: by Rollcall itself; `sent`: a service took it; `recorded`: there is nobody to send it to. */
export type Outcome = 'done' | 'sent' | 'recorded'

/** Facts of an event of the log, which the performer adds key, id and times to. */
interface Facts {
  kind: string
  [fact: string]: unknown
}

export interface Performed<Answer = Facts> {
  outcome: Outcome
  /** what is worth knowing about it */
  detail?: Record<string, unknown>
  /** What was found out; it comes back to the actor as an event. Without it the effect is simply done. */
  answer?: Answer
}

/** What is already done of an effect that takes several steps; lives as long as the attempts at it. */
export interface Progress {
  /** everything up to here, in the receiver's own order */
  cursor: string
  /** beyond the cursor */
  done: Set<string>
  /** what was passed over, to be tried again */
  again: Set<string>
  /** of what came of it so far, by outcome */
  counts: Record<string, number>
}

/**
 * The handler of one effect kind: of an event that a machine emits, answered, where there is an answer, by one that an
 * actor takes. Performing the same effect again must not show.
 */
export interface Receiver<Says extends { type: string } = Emitted, Answer = Facts> {
  /** ms after it was asked for it is no longer worth performing; never by default */
  expiresMs?: number
  /** Rejects to be tried again; with RC_SERVICE_REFUSED it is not. RC_SERVICE_UNREACHABLE does not count as an attempt. */
  perform: (effect: Effect<Says>, progress: Progress) => Promise<Performed<Answer>>
}
