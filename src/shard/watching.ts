import { actorId } from '../../actors/index.ts'
import { RollcallError } from '../errors.ts'
import { Tap, UNASKED_MS, type Watch } from '../inspect/tap.ts'
import type { Faults } from '../observe/index.ts'
import type { Partition } from '../partition/partition.ts'
import { atMost, type Cancel, type Time } from '../time.ts'
import type { Watched } from './index.ts'

/** Actors of a shard that are watched at once, and those who wait for the frames of one. */
const MOST_WATCHED = 32
const MOST_WAITING = 64

/** All who look at the actors of a shard: partitions have a tap for as long as somebody asks. */
export class Watching {
  readonly #taps = new Map<Partition, Tap>()
  readonly #time: Time
  readonly #faults: Faults
  #endSweeps: Cancel | undefined

  constructor(time: Time, faults: Faults) {
    this.#time = time
    this.#faults = faults
  }

  /** The partition's tap, which it has from here on. */
  tapOf(partition: Partition): Tap {
    const { transitions } = partition.residents
    const options = { time: this.#time, faults: this.#faults }
    partition.tap ??= new Tap({ show: (kind, snapshot) => transitions.persist(kind, snapshot), ...options })
    this.#taps.set(partition, partition.tap)
    this.#endSweeps ??= this.#time.every(UNASKED_MS / 2, () => this.#sweep())
    return partition.tap
  }

  #sweep(): void {
    for (const [partition, tap] of this.#taps) {
      if (tap.sweep()) continue
      partition.tap = null
      this.#taps.delete(partition)
    }
    if (this.#taps.size > 0) return
    this.#endSweeps?.()
    this.#endSweeps = undefined
  }

  /** The frames after a place, as soon as there are any, or none after `withinMs`; at once where `after` is of no such watch. */
  async watch(
    partition: Partition,
    kind: string,
    key: string,
    after: string | null,
    withinMs: number,
  ): Promise<Watched> {
    const id = actorId(kind, key)
    const tap = this.tapOf(partition)
    const others = [...this.#taps.values()].reduce((sum, { watched }) => sum + watched, 0)
    if (!tap.find(id) && others >= MOST_WATCHED)
      throw new RollcallError('RC_TOO_MANY_WATCHED', `A shard has no more than ${MOST_WATCHED} actors watched at once.`)
    const watch = tap.watch(id)
    const [run, number] = splitPlace(after)
    const { ring } = watch
    if (run !== watch.run || number > ring.last)
      return { frames: [], lost: after === null ? 0 : null, next: `${watch.run}:${ring.last}` }
    if (number === ring.last && withinMs > 0) await this.#nextOf(watch, withinMs)
    const { texts, lost, last } = ring.after(number)
    watch.asked = this.#time.monotonic()
    return { frames: texts.map(text => JSON.parse(text)), lost, next: `${run}:${last}` }
  }

  async #nextOf({ waiting }: Watch, withinMs: number): Promise<void> {
    if (waiting.size >= MOST_WAITING)
      throw new RollcallError('RC_TOO_MANY_WATCHED', `An actor is watched by no more than ${MOST_WAITING} at once.`)
    const { promise, resolve } = Promise.withResolvers<void>()
    waiting.add(resolve)
    await atMost(this.#time, withinMs, promise)
    waiting.delete(resolve)
  }
}

function splitPlace(place: string | null): [run: string, number: number] {
  const [, run = '', number = ''] = /^(.*):(\d{1,15})$/.exec(place ?? '') ?? []
  return [run, number === '' ? Number.POSITIVE_INFINITY : Number(number)]
}
