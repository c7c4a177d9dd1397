/**
 * Effects: what transitions ask of the world. They wait in the outbox of their partition, which is part of its
 * checkpoint, until they are done; the performer hands each to the receiver of its kind, again until it is.
 */
import type { Seq } from '../log/index.ts'

/** A wish of a transition to the world. Its id, `<actor>:<seq>:<index>`, is the same however often it is tried. */
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

/** `done`: by Rollcall itself; `sent`: a service took it; `recorded`: there is nobody to send it to. */
export type Outcome = 'done' | 'sent' | 'recorded'

export interface Performed {
  outcome: Outcome
  /** what is worth knowing about it */
  detail?: Record<string, unknown>
  /** The facts that were found out; they come back to the actor as an event. Without them the effect is simply done. */
  answer?: { kind: string; [fact: string]: unknown }
}

/** The part that is done of an effect of several steps; lives as long as the attempts at it. */
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

/** The handler of one effect kind. Performing the same effect again must not show. */
export interface Receiver {
  /** ms after it was asked for it is no longer worth performing; never by default */
  expiresMs?: number
  /** Rejects to be tried again; with RC_SERVICE_REFUSED it is not. RC_SERVICE_UNREACHABLE does not count as an attempt. */
  perform(effect: Effect, progress: Progress): Promise<Performed>
}
