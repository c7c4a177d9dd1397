import { RollcallError } from '../../src/errors.ts'
import type { Point, Steps } from '../../src/observe/steps.ts'
import type { Random } from '../support/random.ts'
import type { Clock, Life } from './clock.ts'

/** Everything outside of a process that it can reach. */
export const PLACES = ['log', 'checkpoint', 'documents', 'lease', 'service', 'live', 'owner'] as const
export type Place = (typeof PLACES)[number]

/**
 * The fate of one call: it takes seconds; it never arrives; it is done but its answer never comes back; or the process
 * that calls dies, before it is done or after.
 */
export const TROUBLES = ['slow', 'failed', 'lost answer', 'crash before', 'crash after'] as const
/** `refused`: a service says that it will never take it. */
export type Trouble = (typeof TROUBLES)[number] | 'refused'

/** How often what has happened, by name. */
export class Coverage {
  readonly counts = new Map<string, number>()

  count(name: string, times = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + times)
  }

  add(other: Coverage): void {
    for (const [name, times] of other.counts) this.count(name, times)
  }
}

/** A call that is to meet a trouble: the `nth` from now of a process to a place. */
interface Armed {
  place: Place
  trouble: Trouble
  nth: number
}

/** A process dies at the `nth` time from now that it comes to the point. */
export interface Death {
  point: Point
  nth: number
}

/** Disks that may be full; that of the log also nearly, when nothing new is taken. */
export const DISKS = ['log', 'log nearly', 'checkpoint', 'documents'] as const
export type Disk = (typeof DISKS)[number]

/** All of processes alike: by place until when nothing comes through, and until when its disk is full, in ms of the clock. */
export interface Troubled {
  outages: Map<Place, number>
  full: Map<Disk, number>
}

const SLOW_MS = 3_000
const IN_VAIN: readonly Trouble[] = ['failed', 'crash before', 'refused']

/** The way of one process to everything outside of it, on which calls meet what the history says. */
export class Fate {
  readonly #clock: Clock
  readonly #random: Random
  readonly #coverage: Coverage
  readonly #crash: () => void
  readonly #armed: Armed[] = []
  readonly #deaths: Death[] = []
  readonly #troubled: Troubled

  constructor(parts: {
    clock: Clock
    random: Random
    coverage: Coverage
    troubled: Troubled
    crash(): void
  }) {
    this.#clock = parts.clock
    this.#random = parts.random
    this.#coverage = parts.coverage
    this.#troubled = parts.troubled
    this.#crash = parts.crash
  }

  arm(place: Place, trouble: Trouble, nth: number): void {
    this.#armed.push({ place, trouble, nth })
  }

  dieAt({ point, nth }: Death): void {
    this.#deaths.push({ point, nth })
  }

  heal(): void {
    this.#armed.length = 0
    this.#deaths.length = 0
  }

  /** The steps of a life's work, at which it may end. */
  stepsOf(life: Life): Steps {
    return point => {
      const death = this.#deaths.find(each => each.point === point && !life.isOver && each.nth-- <= 1)
      if (death) {
        this.#deaths.splice(this.#deaths.indexOf(death), 1)
        this.#coverage.count(`dead ${point}`)
        this.#crash()
      }
      if (life.isOver) throw new Error('dead')
    }
  }

  /** Throws if the disk is full. */
  mustHaveSpace(disk: Disk): void {
    if (this.#clock.elapsed >= (this.#troubled.full.get(disk) ?? 0)) return
    this.#coverage.count(`${disk}: full`)
    throw disk === 'log nearly'
      ? new RollcallError('RC_LOG_UNAVAILABLE', 'The disk is nearly full.')
      : new Error('No space left on device')
  }

  /**
   * Does the work, in the name of a life, wherever it is done: what was sent by somebody who died meanwhile still
   * arrives. Resolves when the answer is back, never in a life that is over.
   */
  async reach<T>(life: Life, place: Place, work: () => T | Promise<T>): Promise<T> {
    await life.goesOn()
    const trouble = this.#met(place)
    if (trouble) this.#coverage.count(`${place}: ${trouble}`)
    await this.#clock.wait(trouble === 'slow' ? SLOW_MS : this.#random.int(0, 3))
    if (trouble === 'crash before') this.#crash()
    const isOut = this.#clock.elapsed < (this.#troubled.outages.get(place) ?? 0)
    if (isOut) this.#coverage.count(`${place}: away`)
    const isDone = !isOut && (trouble === undefined || !IN_VAIN.includes(trouble))
    const answer = isDone
      ? await Promise.resolve()
          .then(work)
          .then(
            value => ({ value }),
            (error: unknown) => ({ error }),
          )
      : { error: trouble === 'refused' ? new RollcallError('RC_SERVICE_REFUSED') : awayOf(place) }
    if (trouble === 'crash after') this.#crash()
    await this.#clock.wait(this.#random.int(0, 2))
    await life.goesOn()
    if (trouble === 'lost answer') throw awayOf(place)
    if ('error' in answer) throw answer.error
    return answer.value
  }

  #met(place: Place): Trouble | undefined {
    const armed = this.#armed.find(each => each.place === place)
    if (!armed || armed.nth-- > 1) return undefined
    this.#armed.splice(this.#armed.indexOf(armed), 1)
    return armed.trouble
  }
}

/** The error by which a place is away: of which nobody knows whether it was done. */
const awayOf = (place: Place): Error => {
  if (place === 'log') return new Error('the log gave no answer')
  if (place === 'service') return new RollcallError('RC_SERVICE_UNREACHABLE')
  if (place === 'live') return new Error('Redis: no answer')
  if (place === 'owner') return new RollcallError('RC_NO_OWNER')
  return new RollcallError('RC_STORE_UNAVAILABLE')
}
