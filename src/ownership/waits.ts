import { RollcallError } from '../errors.ts'
import { type Time, within } from '../time.ts'

/** Nobody waits any longer. */
export const WAIT_MS = 20_000
/** Requests that wait, in all and of one user. */
const [MOST, MOST_OF_ONE] = [2_000, 32]

interface Wait {
  ended: Promise<void>
  /** when the last of those who wait has gone, by the monotonic clock */
  until: number
}

/** Requests that wait: no more than there are places for, and one wait for each thing, however many wait for it. */
export class Waits {
  readonly #time: Time
  readonly #ofUsers = new Map<string, number>()
  readonly #waits = new Map<string, Wait>()
  #all = 0

  constructor(time: Time) {
    this.#time = time
  }

  /** Requests that wait. */
  get size(): number {
    return this.#all
  }

  /** Does the work, at a place of the user's, or of nobody's; RC_OVERLOADED where all are taken, RC_WAIT_TIMEOUT. */
  async hold<T>(userId: string | null, work: () => Promise<T>): Promise<T> {
    const own = userId === null ? 0 : (this.#ofUsers.get(userId) ?? 0)
    const limit = this.#all >= MOST ? 'waits' : own >= MOST_OF_ONE ? 'waits of a user' : null
    if (limit) throw new RollcallError('RC_OVERLOADED', undefined, { limit })
    this.#take(userId, 1)
    return this.#inTime(work().finally(() => this.#take(userId, -1)))
  }

  #take(userId: string | null, places: number): void {
    this.#all += places
    if (userId === null) return
    const own = (this.#ofUsers.get(userId) ?? 0) + places
    if (own > 0) this.#ofUsers.set(userId, own)
    else this.#ofUsers.delete(userId)
  }

  /** Waits with those who wait for the same already; `begin` makes their wait, which may end at `until()`, if they go. */
  join(name: string, begin: (until: () => number) => Promise<void>): Promise<void> {
    const until = this.#time.monotonic() + WAIT_MS
    const known = this.#waits.get(name)
    if (known) known.until = until
    const wait = known ?? this.#begun(name, until, begin)
    return this.#inTime(wait.ended)
  }

  #begun(name: string, until: number, begin: (until: () => number) => Promise<void>): Wait {
    const wait: Wait = { until, ended: Promise.resolve() }
    this.#waits.set(name, wait)
    wait.ended = begin(() => wait.until).finally(() => this.#waits.delete(name))
    return wait
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    return within(this.#time, WAIT_MS, work, () => new RollcallError('RC_WAIT_TIMEOUT'))
  }
}
