import type { LogPeek } from '../log/embedded/peek.ts'
import type { Entry, Seq } from '../log/index.ts'
import type { Cut } from '../partition/cut.ts'
import type { Checked } from './checked.ts'
import type { Derivation } from './derivation.ts'
import type { Pace } from './pace.ts'

interface WalkOptions {
  log: LogPeek
  partition: number
  /** null: the log is read, and nothing made of it */
  derivation: Derivation | null
  pace: Pace
  checked: Checked
  /** of what is read */
  counts: { entries: number; events: number }
}

/** Reads the log of a partition, every entry of it, and has those up to a cut applied. */
export class Walk {
  readonly #options: WalkOptions
  /** the first entry that is damaged or gone, beyond which nothing can be derived */
  #broken: Seq = Number.POSITIVE_INFINITY
  #last: Seq = 0
  /** entries that hold what is no event */
  #strays = 0
  #firstStray: Seq = 0

  constructor(options: WalkOptions) {
    this.#options = options
  }

  async read(first: Seq, last: Seq, cut: Seq): Promise<void> {
    const { log, partition, derivation, pace, checked, counts } = this.#options
    this.#last = first - 1
    for await (const found of log.entries(partition, first, last)) {
      const whole: Entry[] = []
      for (const entry of found) {
        await this.#expect(entry.seq)
        this.#last = entry.seq
        counts.entries++
        if ('error' in entry) {
          this.#broken = Math.min(this.#broken, entry.seq)
          checked.tell({ of: 'log', name: `entry ${entry.seq}`, seq: entry.seq, text: entry.error.message })
          continue
        }
        counts.events += entry.events.length
        if (entry.strays && this.#strays++ === 0) this.#firstStray = entry.seq
        whole.push(entry)
      }
      if (derivation) {
        const next = whole.filter(({ seq }) => seq > derivation.applied && seq <= cut && seq < this.#broken)
        if (next.length > 0) await derivation.apply(next)
      }
      await pace.spend(whole.reduce((sum, { events }) => sum + events.length, 0))
    }
    await this.#expect(last + 1)
    if (this.#strays > 0)
      checked.note(`${this.#strays} entries hold what is no event, ${this.#firstStray} is the first`)
  }

  /** Entries are dense: the next one is this, or some are gone. */
  async #expect(seq: Seq): Promise<void> {
    const missing = this.#last + 1
    if (seq === missing) return
    this.#broken = Math.min(this.#broken, missing)
    const { log, partition, checked } = this.#options
    if (((await log.bounds(partition))?.first ?? 0) >= seq) {
      checked.note(`entries before ${seq} were trimmed meanwhile`)
      return
    }
    const which = seq - 1 === missing ? `entry ${missing}` : `entries ${missing} to ${seq - 1}`
    checked.tell({ of: 'log', name: which, seq: missing, text: 'not in the log any more' })
  }

  /** Has all up to this cut applied; false if it cannot be. */
  async goOnTo(cut: Seq): Promise<boolean> {
    const { derivation, log, partition, checked } = this.#options
    if (!derivation) return false
    if (this.#broken > cut && derivation.applied < cut) {
      for await (const found of log.entries(partition, derivation.applied + 1, cut)) {
        const next = found.filter((entry): entry is Entry => !('error' in entry))
        if (next.length < found.length) break
        await derivation.apply(next)
      }
    }
    if (derivation.applied > derivation.claim.cut) await derivation.commit()
    if (derivation.applied === cut) return true
    checked.note(`its state is derived up to entry ${derivation.applied} alone, and is not compared at ${cut}`)
    return false
  }

  /** Has each entry applied by itself; `taken` hears what it changed. */
  async follow(after: Seq, until: Seq, taken: (entry: Entry, cut: Cut) => void): Promise<void> {
    const { derivation, log, partition, pace } = this.#options
    for await (const found of log.entries(partition, after + 1, until)) {
      const entries = found.filter((entry): entry is Entry => !('error' in entry))
      await derivation!.applyEach(entries, taken)
      await pace.spend(entries.length)
    }
  }
}
