/**
 * Effects: what transitions ask of the world. They wait in the outbox of their partition, which is part of its
 * checkpoint, until they are done; the performer hands each to the receiver of its kind, again until it is.
 */
import type { Seq } from '../log/index.ts'
import type { InTrace } from '../observe/traces.ts'

/** An event of some machine, as a checkpoint brings it back. */
export interface Emitted {
  type: string
  [fact: string]: unknown
}

/** An event that a machine emits, but for its type: that is the kind of the effect. */
type PayloadOf<Says> = Says extends unknown ? Omit<Says, 'type'> : never

/** An effect is asked of the world by a transition. Its id, `<actor>:<seq>:<index>`, is the same at every attempt. */
export interface Effect<Says extends { type: string } = Emitted> extends InTrace {
  id: string
  kind: Says['type']
  actor: string
  /** of the entry it stems from, and which of the actor's effects in it */
  seq: Seq
  index: number
  /** partition time, or the arrival of the event that led to it, if that is later */
  at: number
  payload: PayloadOf<Says>
}

/** `done`: by Rollcall itself; `sent`: a service took it; `recorded`: no service is configured. */
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
  /** An answer comes back to the actor as an event. Without one the effect is simply done. */
  answer?: Answer
}

/** How far an effect of several steps has come; lives as long as the attempts at it. */
export interface Progress {
  /** all up to here are through, in the receiver's own order */
  cursor: string
  /** those that are through, by a name that tells them apart, with what became of each */
  through: Map<string, string>
  /** those that were passed over, to be tried again */
  again: Set<string>
  /** those whose refusal may yet be seen to be their own, with what they were tried by */
  doubted: Map<string, unknown>
  /** how many have come to which outcome so far */
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
