import { isCode } from '../errors.ts'
import type { Time } from '../time.ts'
import type { Candidacy } from './candidacy.ts'

const PAUSE_MS = 1_000

export interface StandingOptions {
  /** Makes a candidacy; the former one is closed. */
  stand(): Pick<Candidacy, 'decided' | 'lost' | 'tenure' | 'close'>
  /** whether the process is a bridge to another owner after it has lost the partitions */
  isOfUseBeside: boolean
  /** Called when the partitions are lost, before anything of the tenure ends. */
  lost(): void
  time: Time
}

/** The candidacies of a process, one after another: fenced, it goes on as the bridge it is, and stands again. */
export class Standing {
  /** rejects when the partitions are lost in another way; all that is left is to close */
  readonly lost: Promise<never>
  readonly #options: StandingOptions
  readonly #given = Promise.withResolvers<never>()
  readonly #closing = new AbortController()
  #current: ReturnType<StandingOptions['stand']>
  #ended: Promise<void> = Promise.resolve()

  constructor(options: StandingOptions) {
    this.#options = options
    this.lost = this.#given.promise
    this.lost.catch(() => {})
    this.#current = this.#begin()
  }

  get current(): Pick<Candidacy, 'tenure'> {
    return this.#current
  }

  /** The try at hand: true if the process owns the partitions; fenced before it had all, it goes on. Rejects if it cannot. */
  get decided(): Promise<boolean> {
    return this.#current.decided.catch((error: unknown) => {
      if (!this.#goesOn(error)) throw error
      return false
    })
  }

  #goesOn(error: unknown): boolean {
    return this.#options.isOfUseBeside && isCode(error, 'RC_FENCED')
  }

  #begin(): ReturnType<StandingOptions['stand']> {
    const begun = this.#options.stand()
    begun.lost.catch(error => {
      this.#ended = this.#end(error)
      this.#ended.catch(this.#given.reject)
    })
    return begun
  }

  async #end(error: unknown): Promise<void> {
    const { lost, time } = this.#options
    const { signal } = this.#closing
    lost()
    if (!this.#goesOn(error)) throw error
    await this.#current.close()
    await time.sleep(PAUSE_MS, signal)
    if (!signal.aborted) this.#current = this.#begin()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    // Why it ended is told by `lost`.
    await this.#ended.catch(() => {})
    await this.#current.close()
  }
}
