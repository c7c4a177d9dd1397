import type { DocumentStore } from '../documents/index.ts'
import type { Effect } from './index.ts'

/** Effects kept of each partition. */
const KEEP = 1_000

/** An effect and what became of it, as `GET /effects` shows it. */
export interface Account extends Effect {
  state: 'done' | 'sent' | 'recorded' | 'expired' | 'dropped'
  /** ms since the epoch */
  doneAt: number
  detail?: Record<string, unknown>
}

interface Writing {
  accounts: Account[]
  written: Promise<unknown>
}

/** Writes down what became of a partition's effects: one write at a time, with all that came meanwhile in the next. */
export class History {
  readonly #documents: DocumentStore
  readonly #partition: number
  readonly #untilDone: (step: string, work: () => Promise<unknown>) => Promise<unknown>
  #current: Promise<unknown> = Promise.resolve()
  #next: Writing | undefined
  #unswept = KEEP

  /** `untilDone` repeats work until it succeeds. */
  constructor(
    documents: DocumentStore,
    partition: number,
    untilDone: (step: string, work: () => Promise<unknown>) => Promise<unknown>,
  ) {
    this.#documents = documents
    this.#partition = partition
    this.#untilDone = untilDone
  }

  /** Resolves when it is durable. */
  write(account: Account): Promise<unknown> {
    if (this.#next) this.#next.accounts.push(account)
    else {
      const accounts = [account]
      const written = this.#current.then(() => {
        this.#next = undefined
        return this.#untilDone('effects', () => this.#write(accounts))
      })
      this.#next = { accounts, written }
      this.#current = written.catch(() => {})
    }
    return this.#next.written
  }

  async #write(accounts: Account[]): Promise<void> {
    const partition = this.#partition
    await this.#documents.upsertMany(
      'effects',
      accounts.map(({ id, ...fields }) => ({ id, seq: fields.seq, set: { partition, ...fields } })),
    )
    this.#unswept += accounts.length
    if (this.#unswept < KEEP / 2) return
    const [oldest] = await this.#documents.find('effects', {
      filter: { partition },
      sort: { seq: -1, index: -1 },
      skip: KEEP - 1,
      limit: 1,
    })
    if (oldest) await this.#documents.removeWhere('effects', { partition, seq: { $lt: oldest.seq } })
    this.#unswept = 0
  }
}
