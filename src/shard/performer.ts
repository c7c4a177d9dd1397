import type { Effect, Notifier } from '../notify/index.ts'

export interface PerformerOptions {
  notifier: Notifier
  done(effect: Effect): void
  failed(step: string, error: unknown): void
}

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 60_000
const BATCH = 256

/** Performs the effects of one partition in the order of the log, each again until it is done. */
export class Performer {
  readonly #options: PerformerOptions
  #queue: Effect[] = []
  #open = false
  #running = false
  #stopped = false

  constructor(options: PerformerOptions) {
    this.#options = options
  }

  add(effects: Effect[]): void {
    for (const effect of effects) this.#queue.push(effect)
    this.#run()
  }

  /** From here on effects go out: the log has been replayed to its end. */
  open(): void {
    this.#open = true
    this.#run()
  }

  stop(): void {
    this.#stopped = true
  }

  async #run(): Promise<void> {
    if (this.#running || !this.#open) return
    this.#running = true
    while (this.#queue.length > 0 && !this.#stopped) {
      const batch = this.#queue.slice(0, BATCH)
      this.#queue = this.#queue.slice(BATCH)
      await this.#perform(batch)
    }
    this.#running = false
  }

  async #perform(effects: Effect[]): Promise<void> {
    const { notifier, done, failed } = this.#options
    for (let wait = FIRST_RETRY_MS; !this.#stopped; wait = Math.min(2 * wait, LAST_RETRY_MS)) {
      try {
        await notifier.perform(effects)
        for (const effect of effects) done(effect)
        return
      } catch (error) {
        failed('effects', error)
        await new Promise(resolve => setTimeout(resolve, wait).unref())
      }
    }
  }
}
