import type { Stay } from '../../machines/pulse.ts'
import type { ViewerPresence } from '../audience/index.ts'
import type { Seq } from '../log/index.ts'
import type { Place } from './ledger.ts'

/** The cells of a place of the ledger. */
const USED = 0
const SEQ = 1
const CHANGED = 2
const UNTIL = 3
const ROLLS = 4
const WRITTEN = 5
const DUE = 6
const LATE = 7
const OWING = 8
const WEIGHT = 9
const FLAGS = 10
const HEARD = 11
/** Cells of a place. */
export const CELLS = HEARD + 1

/** News of an actor, which the next commit writes: none, its stay, or all of it. */
type News = 'none' | 'pulse' | 'whole'

/** Bits of the flags; neither of the first two: no news. */
const [PULSED, WHOLE, ANEW, CURRENT, STAYS] = [1, 2, 4, 8, 16]
const NONE: readonly number[] = []
const NO_STAY = { rolls: NONE, written: 0, due: 0, lateMs: 0 }

/**
 * All of an actor in memory that pulses change, and what else is a number of it, which is in the ledger. It is what is
 * shown of a viewer that is alive, too. Times are in ms.
 */
export class Figures implements ViewerPresence {
  readonly key: string
  /** where it was last heard as of its last transition */
  stream: string | null = null
  /** as of its stay, if it has one: of its first beat in each window since its last transition */
  rolls: readonly number[] = NONE
  #cells: Float64Array
  #from: number

  constructor(key: string, { cells, from }: Place) {
    this.key = key
    this.#cells = cells
    this.#from = from
  }

  protected get place(): Place {
    return { cells: this.#cells, from: this.#from }
  }

  protected set place({ cells, from }: Place) {
    this.#cells = cells
    this.#from = from
  }

  get userId(): string {
    return this.key
  }

  /** When it was last heard; 0: never. */
  get at(): number {
    return this.#cells[this.#from + HEARD]!
  }

  set at(at: number) {
    this.#cells[this.#from + HEARD] = at
  }

  /** The number of the last batch that touched it. */
  get used(): number {
    return this.#cells[this.#from + USED]!
  }

  set used(batch: number) {
    this.#cells[this.#from + USED] = batch
  }

  /** The entry that changed it last since it was loaded; 0: none did. */
  get seq(): Seq {
    return this.#cells[this.#from + SEQ]!
  }

  /** The time of the partition when that entry changed it. */
  get changedAt(): number {
    return this.#cells[this.#from + CHANGED]!
  }

  /** Takes which entry changes it, and when that is to the partition. */
  changedBy(seq: Seq, at: number): void {
    this.#cells[this.#from + SEQ] = seq
    this.#cells[this.#from + CHANGED] = at
  }

  /** The time before which events with the facts are pulses of it; 0: that is not known. */
  get until(): number {
    return this.#cells[this.#from + UNTIL]!
  }

  set until(at: number) {
    this.#cells[this.#from + UNTIL] = at
  }

  /** Where the next window begins. */
  get rollsAt(): number {
    return this.#cells[this.#from + ROLLS]!
  }

  set rollsAt(at: number) {
    this.#cells[this.#from + ROLLS] = at
  }

  /** Bytes, about, as of when it was last weighed. */
  get weight(): number {
    return this.#cells[this.#from + WEIGHT]!
  }

  protected set weight(bytes: number) {
    this.#cells[this.#from + WEIGHT] = bytes
  }

  get news(): News {
    const flags = this.#cells[this.#from + FLAGS]!
    return flags & WHOLE ? 'whole' : flags & PULSED ? 'pulse' : 'none'
  }

  set news(news: News) {
    this.#flag(PULSED, news === 'pulse')
    this.#flag(WHOLE, news === 'whole')
  }

  /** A pulse came since the last cut. */
  get isHeard(): boolean {
    return this.#has(ANEW)
  }

  set isHeard(is: boolean) {
    this.#flag(ANEW, is)
  }

  /** Its record is of this version, or will be: a former one would not look for pulses beside it. */
  get isCurrent(): boolean {
    return this.#has(CURRENT)
  }

  set isCurrent(is: boolean) {
    this.#flag(CURRENT, is)
  }

  #has(flag: number): boolean {
    return (this.#cells[this.#from + FLAGS]! & flag) !== 0
  }

  #flag(flag: number, is: boolean): void {
    const flags = this.#cells[this.#from + FLAGS]!
    this.#cells[this.#from + FLAGS] = is ? flags | flag : flags & ~flag
  }

  /** True if anything is new of it since its last transition. */
  get stays(): boolean {
    return this.#has(STAYS)
  }

  /** Its stay: what is new of it since its last transition, as it is now; null: nothing is. */
  get stay(): Stay | null {
    if (!this.stays) return null
    const { at, rolls, written, due, lateMs } = this
    return { at, rolls, written, due, lateMs }
  }

  set stay(stay: Stay | null) {
    const { rolls, written, due, lateMs } = stay ?? NO_STAY
    this.#flag(STAYS, stay !== null)
    this.rolls = rolls
    this.written = written
    this.due = due
    this.#cells[this.#from + LATE] = lateMs
    if (stay) this.at = stay.at
  }

  /** When its last beat was when its documents were written last, as of its stay; 0 without one. */
  get written(): number {
    return this.#cells[this.#from + WRITTEN]!
  }

  set written(at: number) {
    this.#cells[this.#from + WRITTEN] = at
  }

  /** When they are due again, as of its stay; 0 without one. */
  get due(): number {
    return this.#cells[this.#from + DUE]!
  }

  set due(at: number) {
    this.#cells[this.#from + DUE] = at
  }

  /** How far behind its last beat all is settled, as of its stay. */
  get lateMs(): number {
    return this.#cells[this.#from + LATE]!
  }

  /** The time up to which its documents were written before a deadline came whose documents are not projected yet; null: none is. */
  get owing(): number | null {
    const kept = this.#cells[this.#from + OWING]!
    return kept === 0 ? null : kept - 1
  }

  set owing(at: number | null) {
    this.#cells[this.#from + OWING] = at === null ? 0 : at + 1
  }
}
