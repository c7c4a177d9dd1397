import type { Event } from '../../actors/event.ts'
import type { ActorKind } from '../../actors/index.ts'
import type { Entry } from '../log/index.ts'
import { type EntryRows, type EntryRun, runsOf } from '../log/rows-entry.ts'
import { latestArrival } from '../partition/clock.ts'
import type { Partition } from '../partition/partition.ts'

/** Events about time and rules: one of these words is in an entry that has any. */
const OF_ALL = ['claim', 'tick', 'rules']

/**
 * Takes out of entries what one actor is a function of: its events, and those that are of no actor, as are words on time
 * and rules. Of others it takes when each stream last had a beat, since a viewer forgets streams that froze. This alone is
 * not exact: a late beat, or one of a viewer that is stuck, counts here though it may have changed nothing about its viewer.
 */
export class Sieve {
  readonly #partition: Partition
  readonly #kind: ActorKind
  readonly #key: string
  readonly #words: readonly Buffer[]

  constructor(partition: Partition, kind: ActorKind, key: string) {
    this.#partition = partition
    this.#kind = kind
    this.#key = key
    this.#words = [key, ...OF_ALL].map(word => Buffer.from(word))
  }

  /** False of the bytes of an entry in which nothing is for the actor; every one may be where beats of others count. */
  isOfUse(value: Uint8Array): boolean {
    if (this.#kind.presence) return true
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return this.#words.some(word => bytes.includes(word))
  }

  /** The entry with nothing but that, in pieces: each is to be applied before the next is asked for. */
  *pieces(entry: Entry): Generator<Entry> {
    const { seq } = entry
    let own: Event[] = []
    for (const event of this.#eventsIn(entry)) {
      if (event !== null) own.push(event)
      else if (own.length > 0) {
        yield { seq, events: own }
        own = []
      }
    }
    if (own.length === 0) return
    // Events that are received at once are at the end of the entry, when it is as late as its last event came.
    const arrival = this.#kind.together && arrivalIn(runsOf(entry).at(-1)!)
    if (arrival !== undefined) own.push({ kind: '', key: '', id: '', at: arrival, arrival })
    yield { seq, events: own }
  }

  /** The events of the entry that are for the actor; null where another one's beat is about to count for its stream. */
  *#eventsIn(entry: Entry): Generator<Event | null> {
    for (const run of runsOf(entry)) {
      if ('beats' in run) yield* this.#beatsIn(run)
      else {
        for (const event of run) {
          const taker = this.#partition.takerOf(event)
          if (!taker || (taker === this.#kind && event.key === this.#key)) yield event
          else if (taker === this.#kind && taker.pulse?.kind === event.kind && typeof event.stream === 'string') {
            yield null
            this.#arrived(event.stream, event.arrival)
          }
        }
      }
    }
  }

  *#beatsIn({ beats, from, to }: EntryRows): Generator<Event | null> {
    if (this.#partition.takerOf(beats) !== this.#kind) return
    for (let row = from; row < to; row++) {
      const { stream } = beats.places[row]!
      if (beats.keys[row] === this.#key) yield beats.event(row)
      else if (stream !== null) {
        yield null
        this.#arrived(stream, beats.arrivals[row]!)
      }
    }
  }

  #arrived(stream: string, arrival: number): void {
    const { counters, clock } = this.#partition
    if (!counters.isFrozen(stream, clock.time)) counters.arrived(stream, Math.min(arrival, latestArrival(clock)))
  }
}

const arrivalIn = (run: EntryRun): number | undefined =>
  'beats' in run ? run.beats.arrivals[run.to - 1] : run.at(-1)?.arrival
