import type { ErrorCode } from '../errors.ts'

/** Help with something that is wrong: words and a command, and where docs/operating.md says more. */
export interface Advice {
  help: string
  /** what mends it, or finds out what does */
  command: string
  anchor: string
}

const FIT = 'when-the-log-and-the-checkpoint-do-not-fit'
const DAMAGED = 'when-something-is-damaged'
const PRODUCTION = 'in-production'

/** Help by the code of what is wrong, as `rollcall doctor`, the first page and `rollcall top` give it. */
export const ADVICE = {
  RC_LOG_BEHIND: { help: 'stop all servers and run `rollcall repair`', command: 'rollcall repair', anchor: FIT },
  RC_LOG_TRUNCATED: {
    help: 'put the log back from a copy, or stop all servers and run `rollcall repair --accept-loss`',
    ...{ command: 'rollcall repair --accept-loss', anchor: FIT },
  },
  RC_LOG_CORRUPT: {
    help: 'put the log back from a copy, or stop all servers and run `rollcall repair`, which says what is lost',
    ...{ command: 'rollcall repair', anchor: DAMAGED },
  },
  RC_CHECKPOINT_CORRUPT: {
    help: 'stop all servers and run `rollcall repair`: it makes the checkpoint anew from the log, or says what is lost by that',
    ...{ command: 'rollcall repair', anchor: DAMAGED },
  },
  RC_INTERNAL: {
    help: 'the log says more, at level 50',
    ...{ command: 'rollcall doctor', anchor: PRODUCTION },
  },
  RC_DOCUMENT_CORRUPT: {
    help: 'put the state back from a copy; without one, stop all servers and run `rollcall repair`, which says what is lost',
    ...{ command: 'rollcall repair --accept-loss', anchor: DAMAGED },
  },
  RC_PARTITION_STOPPED: {
    help: 'the log of its owner says why, at level 50; mend that and start the owner again',
    ...{ command: 'rollcall doctor', anchor: PRODUCTION },
  },
  RC_NOT_READY: { help: 'wait: it is being replayed', command: 'rollcall top', anchor: 'how-it-starts' },
  RC_NO_OWNER: {
    help: 'start a server; one that stands by takes over after ROLLCALL_TAKE_OVER_MS',
    ...{ command: 'rollcall owner', anchor: PRODUCTION },
  },
  RC_FENCED: { help: 'another process took over; one owner is enough', command: 'rollcall owner', anchor: PRODUCTION },
  RC_SHARD_LOST: {
    help: 'wait: it is being started again; the log says why it died, at level 50',
    ...{ command: 'rollcall top', anchor: PRODUCTION },
  },
  RC_SHARD_TIMEOUT: {
    help: 'it may have too much to do: look at the machine; if it lasts, start the owner again',
    ...{ command: 'rollcall owner', anchor: PRODUCTION },
  },
  RC_STORE_UNAVAILABLE: {
    help: 'MongoDB is away: bring it back, nothing is lost meanwhile',
    ...{ command: 'rollcall doctor', anchor: PRODUCTION },
  },
  RC_LOG_UNAVAILABLE: {
    help: 'bring NATS back, or free space on the disk; until then nothing is accepted',
    ...{ command: 'rollcall doctor', anchor: PRODUCTION },
  },
} as const satisfies Partial<Record<ErrorCode, Advice>>

/** Help with a code; where there is none of its own, the doctor looks. */
export const adviceFor = (code: string): Advice =>
  Object.hasOwn(ADVICE, code)
    ? ADVICE[code as keyof typeof ADVICE]
    : { help: 'run `rollcall doctor`', command: 'rollcall doctor', anchor: PRODUCTION }
