import type { AnyMachineSnapshot } from 'xstate'
import { actorId } from '../../actors/index.ts'
import type { Frame } from '../inspect/frame.ts'
import { Tap } from '../inspect/tap.ts'
import type { Faults } from '../observe/index.ts'
import type { Partition } from '../partition/partition.ts'
import type { Time } from '../time.ts'
import type { Past } from './index.ts'
import type { Alone } from './seed.ts'

/** Characters of what an actor was before, as JSON. */
const MOST_CHARACTERS = 2_097_152

/** The last steps of the one actor of a partition, as a watch of it would have shown them, and what was before each. */
export class Trail extends Tap {
  readonly #id: string
  readonly #limit: number
  readonly #former: AnyMachineSnapshot[] = []
  #last: AnyMachineSnapshot
  /** all steps so far */
  count = 0

  constructor(
    partition: Partition,
    { kind, key }: Alone,
    limit: number,
    { time, faults }: { time: Time; faults: Faults },
  ) {
    const { residents } = partition
    super({ show: (kind, snapshot) => residents.transitions.persist(kind, snapshot), time, faults })
    this.#id = actorId(kind.kind, key)
    this.#limit = limit
    this.#last = residents.get(this.#id).snapshot
    this.watch(this.#id)
    partition.tap = this
  }

  override stepped(...args: Parameters<Tap['stepped']>): void {
    this.#note(args[0].snapshot)
    super.stepped(...args)
  }

  override pulsed(...args: Parameters<Tap['pulsed']>): void {
    this.#note(args[0].snapshot)
    super.pulsed(...args)
  }

  #note(snapshot: AnyMachineSnapshot): void {
    this.count++
    this.#former.push(this.#last)
    // Half of it goes at once, since each time all that stays is moved.
    if (this.#former.length >= 2 * this.#limit) this.#former.splice(0, this.#former.length - this.#limit)
    this.#last = snapshot
  }

  /** The last steps, oldest first, no more than asked for, nor than a watch keeps. */
  get steps(): Frame[] {
    // A step that could not be shown has ended the watch: of those behind it no frames are known, and of none before it.
    const ring = this.find(this.#id)?.ring
    if (!ring) return []
    const steps: Frame[] = []
    for (let after = 0; after < ring.last; ) {
      const { texts, last } = ring.after(after)
      steps.push(...texts.map((text): Frame => JSON.parse(text)))
      after = last
    }
    return steps.slice(-this.#limit)
  }

  /** The actor as of before the last `n` steps. */
  before(n: number): Past['before'] {
    const { value, context } = n === 0 ? this.#last : this.#former.at(-n)!
    return JSON.stringify(context).length > MOST_CHARACTERS ? null : { value, context }
  }
}
