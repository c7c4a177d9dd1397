import type { AnyMachineSnapshot } from 'xstate'
import type { ActorKind, Facts } from '../../actors/index.ts'
import type { Faults } from '../observe/index.ts'
import type { Time } from '../time.ts'
import { edgeOf, edgesOf } from './edges.ts'
import { type Frame, textOf } from './frame.ts'
import { Minute } from './minute.ts'
import { Ring } from './ring.ts'

/** A watch ends when nobody has asked for its frames for so long, and the counts of a kind's edges too. */
export const UNASKED_MS = 30_000

interface Actor {
  id: string
  kind: ActorKind
  key: string
  snapshot: AnyMachineSnapshot
}

interface Event {
  type: string
  [fact: string]: unknown
}

/** Where in the log something happened, and when that was to the partition (ms). */
interface Place {
  seq: number
  at: number
}

/** An actor that somebody watches; those who wait are told of its next frame. */
export interface Watch {
  /** another one each time the actor begins to be watched */
  readonly run: string
  readonly ring: Ring
  readonly waiting: Set<() => void>
  edge: string | null
  /** ms, by the monotonic clock */
  asked: number
}

/** The edges that actors of a kind take, while somebody asks for them. */
interface Counted {
  readonly minute: Minute
  /** ms since the epoch */
  readonly since: number
  asked: number
  /** undefined: no pulse has come; all of a kind take the same edge */
  pulse?: string | null
}

export interface TapOptions {
  /** The snapshot as it is shown. */
  show(kind: ActorKind, snapshot: AnyMachineSnapshot): object & { value: unknown }
  time: Time
  faults: Faults
}

/** A partition's steps as they are taken, for those who look. A partition of which nobody looks at anything has no tap. */
export class Tap {
  readonly #options: TapOptions
  readonly #watches = new Map<string, Watch>()
  readonly #counted = new Map<string, Counted>()

  constructor(options: TapOptions) {
    this.#options = options
  }

  get watched(): number {
    return this.#watches.size
  }

  /** Undefined while nobody watches the actor. */
  find(id: string): Watch | undefined {
    return this.#watches.get(id)
  }

  /** The watch of an actor, which begins if there is none. */
  watch(id: string): Watch {
    const { time } = this.#options
    const asked = time.monotonic()
    const watch = this.#watches.get(id) ?? { run: time.id(), ring: new Ring(), waiting: new Set(), edge: null, asked }
    this.#watches.set(id, watch)
    watch.asked = asked
    return watch
  }

  /** How often which edges of a kind were taken in the last minute, and since when they are counted. */
  counts(kind: string): { since: number; edges: Record<string, number> } {
    const { time } = this.#options
    const asked = time.monotonic()
    const counted = this.#counted.get(kind) ?? { minute: new Minute(), since: time.now(), asked }
    this.#counted.set(kind, counted)
    counted.asked = asked
    return { since: counted.since, edges: counted.minute.sums(asked) }
  }

  /** Ends what nobody asks for any more; false if nothing is left. */
  sweep(): boolean {
    const before = this.#options.time.monotonic() - UNASKED_MS
    for (const [id, { asked, waiting }] of this.#watches)
      if (asked < before && waiting.size === 0) this.#watches.delete(id)
    for (const [kind, { asked }] of this.#counted) if (asked < before) this.#counted.delete(kind)
    return this.#watches.size + this.#counted.size > 0
  }

  /** True if the steps of the actor are told, or counted. */
  heeds({ id, kind }: Pick<Actor, 'id' | 'kind'>): boolean {
    return this.#watches.has(id) || this.#counted.has(kind.kind)
  }

  /** An actor took an event; `asked` effects, its last ones in the entry, are asked for with it. */
  stepped(
    actor: Actor,
    former: AnyMachineSnapshot,
    event: Event,
    said: Frame['said'],
    place: Place,
    asked: number,
  ): void {
    const watch = this.#watches.get(actor.id)
    const counted = this.#counted.get(actor.kind.kind)
    if (!watch && !counted) return
    this.#heeding(actor.id, () => {
      const edges = edgesOf(actor.kind.machine, former, event, actor.snapshot)
      for (const each of edges) counted?.minute.add(each, this.#options.time.monotonic())
      const [edge = null, always] = edges
      const { remarks } = actor.kind
      const count = said.filter(({ type }) => !remarks?.[type]).length
      const effects = Array.from({ length: count }, (_, i) => `${actor.id}:${place.seq}:${asked - count + i}`)
      if (watch) this.#add(watch, actor, { ...place, event, edge, ...(always && { always }), said, effects })
    })
  }

  /** An actor that stays where it is was heard, by an event with these facts: no transition, but it may begin a window. */
  pulsed(
    actor: Actor & { former: AnyMachineSnapshot },
    came: object,
    times: { at: number; arrival: number },
    place: Place,
    facts: Facts,
  ): void {
    const watch = this.#watches.get(actor.id)
    const counted = this.#counted.get(actor.kind.kind)
    if (!watch && !counted) return
    this.#heeding(actor.id, () => {
      const { kind, key, former } = actor
      const edge = (): [Event, string | null] => {
        const written = { ...came, ...times, kind: kind.pulse!.kind, key, id: '' }
        const event = kind.receive(kind.read?.(written) ?? written, former.context, facts) as Event
        return [event, edgeOf(kind.machine, former, event)]
      }
      if (counted) {
        if (counted.pulse === undefined) counted.pulse = edge()[1]
        if (counted.pulse !== null) counted.minute.add(counted.pulse, this.#options.time.monotonic())
      }
      if (!watch) return
      const [event, taken] = edge()
      this.#add(watch, actor, { ...place, event, edge: taken, said: [], effects: [], pulse: true })
    })
  }

  #add(watch: Watch, { kind, snapshot }: Actor, step: Omit<Frame, 'n' | 'value' | 'snapshot'>): void {
    const shown = this.#options.show(kind, snapshot)
    watch.edge = step.always ?? step.edge ?? watch.edge
    watch.ring.add(n => textOf({ n, ...step, value: shown.value, snapshot: shown }))
    for (const wake of watch.waiting) wake()
  }

  /** A fault of looking is none of what is looked at: the watch ends. */
  #heeding(id: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#options.faults.report('inspect', error)
      this.#watches.delete(id)
    }
  }
}
