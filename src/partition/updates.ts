import type { Seq } from '../log/index.ts'
import type { Outputs } from '../notify/index.ts'
import type { Faults } from '../observe/index.ts'
import type { Time } from '../time.ts'
import type { Cut } from './cut.ts'
import type { Told } from './projections.ts'

export interface UpdatesOptions {
  outputs: Outputs
  time: Time
  faults: Faults
}

/** Documents that wait to be told of; beyond, the oldest are not. */
const MOST_WAITING = 10_000
const AT_ONCE = 100

/**
 * Tells other services of documents as commits change them: of each the latest, once a commit at most, and never of one
 * that is over meanwhile. An update that cannot be told is not told later, since the next change tells it all.
 */
export class Updates {
  readonly #options: UpdatesOptions
  /** by the document, the oldest first */
  readonly #waiting = new Map<string, Told & { seq: Seq }>()
  #working: Promise<void> | undefined

  constructor(options: UpdatesOptions) {
    this.#options = options
  }

  /** Takes what a commit changed; it is told soon. */
  add({ seq, told }: Pick<Cut, 'seq' | 'told'>): void {
    for (const each of told) {
      this.#waiting.delete(each.id)
      if (each.facts) this.#waiting.set(each.id, { ...each, seq })
    }
    for (const id of this.#waiting.keys()) {
      if (this.#waiting.size <= MOST_WAITING) break
      this.#waiting.delete(id)
    }
    if (this.#waiting.size > 0) this.#working ??= this.#work()
  }

  /** Resolves when nothing is under way. */
  async published(): Promise<void> {
    await this.#working
  }

  async #work(): Promise<void> {
    while (this.#waiting.size > 0) {
      const some = [...this.#waiting.values()].slice(0, AT_ONCE)
      for (const { id } of some) this.#waiting.delete(id)
      await Promise.all(some.map(each => this.#publish(each))).catch(error =>
        this.#options.faults.report('updates', error),
      )
    }
    this.#working = undefined
  }

  async #publish({ type, actor, id, facts, seq }: Told & { seq: Seq }): Promise<void> {
    const { outputs, time } = this.#options
    await outputs.publish({
      ...{ id: `${type}/${id}:${seq}`, type: `rollcall.${type}`, source: `/${actor}` },
      ...{ at: time.now(), data: { ...facts } },
    })
  }
}
