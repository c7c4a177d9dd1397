import type { CheckpointStore, Claim } from '../checkpoint/index.ts'
import { RollcallError } from '../errors.ts'
import { eachStep, type Steps } from '../observe/steps.ts'
import type { Far } from '../observe/work.ts'
import type { Time } from '../time.ts'
import type { Wheel } from './wheel.ts'

/** Deadlines that are taken without a pause, about 2 ms of work. */
const AT_ONCE = 500

interface Loading {
  /** between some deadlines and the next others come to their turn; undefined: nobody waits for it */
  time?: Time
  steps?: Steps | undefined
}

/** Brings the deadlines that the checkpoint has into the wheel, beside what goes on in the partition. */
export class Deadlines {
  readonly #parts: { claim: Claim; wheel: Wheel; store: CheckpointStore }
  #loading: Promise<void> | undefined
  #isStopped = false
  #count = 0

  constructor(parts: { claim: Claim; wheel: Wheel; store: CheckpointStore }) {
    this.#parts = parts
    parts.wheel.begin()
  }

  /** Resolves when all are there. After a failure it may be asked again; RC_CLOSING once it was stopped before. */
  loaded(loading: Loading = {}): Promise<void> {
    if (this.#parts.wheel.isWhole) return Promise.resolve()
    this.#loading ??= this.#load(loading).finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  /** How many there are so far; null: all, or no more come. */
  get far(): Far | null {
    return this.#parts.wheel.isWhole || this.#isStopped ? null : { done: this.#count, total: null }
  }

  /** Nobody waits for them any more. */
  stop(): void {
    this.#isStopped = true
  }

  async #load({ time, steps }: Loading): Promise<void> {
    const { claim, wheel, store } = this.#parts
    this.#refuseStopped()
    this.#count = 0
    const records = eachStep(steps, 'claim.deadlines', claim, store.load(claim, [{ space: 'deadline', names: [] }]))
    for await (const { names, value } of records) {
      this.#refuseStopped()
      wheel.restore(names[0]!, value as number)
      if (++this.#count % AT_ONCE === 0) await time?.turn()
    }
    this.#refuseStopped()
    wheel.end()
  }

  #refuseStopped(): void {
    if (this.#isStopped) throw new RollcallError('RC_CLOSING')
  }
}
