import type { RecordKey } from '../checkpoint/index.ts'
import type { Start } from '../checkpoint/start.ts'
import type { Collection } from '../documents/index.ts'
import { type ErrorCode, isCode } from '../errors.ts'
import type { Seq } from '../log/index.ts'
import type { Difference, Note, Said } from './finding.ts'

/** Differences of one partition that are told with the event where they begin; of others it is told how many there are. */
export const MOST_TOLD = 100

/** Codes of what is not damaged, but gives no answer. */
const AWAY: ErrorCode[] = ['RC_STORE_UNAVAILABLE', 'RC_LOG_UNAVAILABLE']

/** A record or document that differs, with what is kept of it, for the second look at the log. */
export interface Suspect {
  difference: Difference
  record?: RecordKey
  document?: { collection: Collection; id: string }
  /** undefined: it is not there */
  kept: unknown
}

export const nameOfDocument = (collection: string, id: string): string => `${collection}\n${id}`

/** Knowledge of a partition once its log was read. */
export class Checked {
  /** null: of them all */
  readonly partition: number | null
  /** the copy of the state from which it was derived; null: from nothing */
  from: Start = null
  /** the cut from which it was derived; null: it was not */
  start: Seq | null = null
  /** the cut up to which it was derived */
  cut: Seq = 0
  /** documents that may not have been written yet, by the cut that is to write them, and windows not yet summed */
  readonly pending = new Map<string, Seq>()
  readonly windows = new Set<number>()
  suspects: Suspect[] = []
  readonly said: Said[] = []
  differences = 0
  notes = 0
  #untold = 0

  constructor(partition: number | null) {
    this.partition = partition
    if (partition === null) [this.start, this.cut] = [0, Number.POSITIVE_INFINITY]
  }

  /** Tells of it at once: there is nothing in the log to look for. */
  tell(difference: Omit<Difference, 'type' | 'partition'>): void {
    this.differences++
    if (this.said.length + this.suspects.length >= MOST_TOLD) this.#untold++
    else this.said.push({ type: 'difference', partition: this.partition, ...difference })
  }

  /** Answers as the work does; undefined where something cannot be read, which is told of. */
  async read<T>(of: Difference['of'], work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (AWAY.some(code => isCode(error, code))) throw error
      this.tell({ of, name: `partition ${this.partition}`, text: `cannot be read: ${(error as Error).message}` })
      return undefined
    }
  }

  /** Keeps it to be told of once it is known where it begins. */
  suspect(difference: Pick<Difference, 'of' | 'name' | 'text'>, rest: Omit<Suspect, 'difference'>): void {
    this.differences++
    if (this.said.length + this.suspects.length >= MOST_TOLD) this.#untold++
    else this.suspects.push({ difference: { type: 'difference', partition: this.partition, ...difference }, ...rest })
  }

  /** These alone differ; answers how many of the suspects do not. */
  keep(suspects: Suspect[]): number {
    const others = this.suspects.length - suspects.length
    this.suspects = suspects
    this.differences -= others
    return others
  }

  note(text: string): void {
    this.notes++
    this.said.push({ type: 'note', partition: this.partition, text })
  }

  /** A word on those that are not told one by one, if there are any. */
  get rest(): Note[] {
    if (this.#untold === 0) return []
    const text = `${this.#untold} more differences are not listed`
    return [{ type: 'note', partition: this.partition, text }]
  }
}
