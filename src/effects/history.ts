import type { DocumentStore } from '../documents/index.ts'
import type { Meter } from '../observe/meter.ts'
import { type Steps, step } from '../observe/steps.ts'
import type { Effect } from './index.ts'

/** Accounts kept of each partition and kind, so that those of a frequent kind push out no others. */
export const KEPT_ACCOUNTS = 200

/** The field by which the accounts of one kind in a partition are found. */
export const laneOf = (partition: number, kind: string): string => `${partition}/${kind}`

/** An effect and what became of it, as `GET /effects` shows it. */
export interface Account extends Effect {
  state: 'done' | 'sent' | 'recorded' | 'expired' | 'dropped'
  /** ms since the epoch */
  doneAt: number
  detail?: Record<string, unknown>
}

export interface HistoryOptions {
  documents: DocumentStore
  partition: number
  meter: Meter
  /** repeats work until it succeeds */
  untilDone: (step: string, work: () => Promise<unknown>) => Promise<unknown>
  steps?: Steps | undefined
}

interface Writing {
  accounts: Account[]
  written: Promise<unknown>
}

/** Writes down what became of a partition's effects: one write at a time, with all that came meanwhile in the next. */
export class History {
  readonly #documents: DocumentStore
  readonly #partition: number
  readonly #meter: Meter
  readonly #untilDone: HistoryOptions['untilDone']
  readonly #steps: Steps | undefined
  #current: Promise<unknown> = Promise.resolve()
  #next: Writing | undefined
  /** accounts that came since a kind's were last swept; of a kind that is not there nobody knows how many there are */
  readonly #unswept = new Map<string, number>()

  constructor({ documents, partition, meter, untilDone, steps }: HistoryOptions) {
    this.#documents = documents
    this.#partition = partition
    this.#meter = meter
    this.#untilDone = untilDone
    this.#steps = steps
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

  /** An effect of the kind was dropped, which the cut accounts for. */
  dropped(kind: string): void {
    this.#meter.count('rollcall_effects_total', { kind, result: 'dropped' }).n++
    if (!this.#isDue(kind, 1)) return
    const swept = this.#current.then(() => this.#untilDone('effects', () => this.#sweep(kind)))
    this.#current = swept.catch(() => {})
  }

  async #write(accounts: Account[]): Promise<void> {
    const partition = this.#partition
    const upserts = accounts.map(({ id, ...fields }) => {
      return { id, seq: fields.seq, set: { partition, lane: laneOf(partition, fields.kind), ...fields } }
    })
    await step(this.#steps, 'account.write', upserts, () => this.#documents.upsertMany('effects', upserts))
    // Accounts of a former version are in no lane.
    if (this.#unswept.size === 0) await this.#keepNewest({ partition, lane: null })
    for (const [kind, some] of Map.groupBy(accounts, account => account.kind)) {
      if (this.#isDue(kind, some.length)) await this.#sweep(kind)
    }
  }

  #isDue(kind: string, more: number): boolean {
    const unswept = (this.#unswept.get(kind) ?? KEPT_ACCOUNTS) + more
    this.#unswept.set(kind, unswept)
    return unswept >= KEPT_ACCOUNTS / 2
  }

  async #sweep(kind: string): Promise<void> {
    const partition = this.#partition
    await this.#keepNewest({ partition, lane: laneOf(partition, kind) })
    this.#unswept.set(kind, 0)
  }

  async #keepNewest(filter: { partition: number; lane: string | null }): Promise<void> {
    const query = { filter, sort: { seq: -1, index: -1 }, skip: KEPT_ACCOUNTS - 1, limit: 1 } as const
    const [oldest] = await step(this.#steps, 'account.oldest', filter, () => this.#documents.find('effects', query))
    if (!oldest) return
    const older = { ...filter, seq: { $lt: oldest.seq } }
    await step(this.#steps, 'account.sweep', older, () => this.#documents.removeWhere('effects', older))
  }
}
