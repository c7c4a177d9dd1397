import type { CheckpointRecord, RecordKey } from '../checkpoint/index.ts'

/** Deadlines by the second. Setting and clearing cost the same however many there are. */
export class Wheel {
  readonly #deadlines = new Map<string, number>()
  readonly #slots = new Map<number, Set<string>>()
  /** a binary heap of the seconds that have a slot */
  readonly #seconds: number[] = []
  readonly #changed = new Set<string>()
  /** those that were set while the checkpoint's come; null: all are there */
  #newer: Set<string> | null = null
  /** the earliest deadline; undefined: it has to be looked for */
  #earliest: number | undefined

  /** From here on deadlines of the checkpoint come, until `end`; one that was set meanwhile is newer. */
  begin(): void {
    this.#newer = new Set()
  }

  /** Takes a deadline that the checkpoint has. */
  restore(id: string, at: number): void {
    if (this.#newer?.has(id)) return
    this.#set(id, at)
  }

  end(): void {
    this.#newer = null
  }

  /** False while some of the checkpoint are still to come: until then nobody can say what is due, or next. */
  get isWhole(): boolean {
    return this.#newer === null
  }

  set(id: string, at: number | null): void {
    this.#newer?.add(id)
    if (this.#set(id, at)) this.#changed.add(id)
  }

  /** False if that is its deadline already. */
  #set(id: string, at: number | null): boolean {
    const former = this.#deadlines.get(id)
    if (former === at) return false
    if (former !== undefined) {
      this.#slots.get(second(former))?.delete(id)
      if (former === this.#earliest) this.#earliest = undefined
    }
    if (at !== null && this.#earliest !== undefined && at < this.#earliest) this.#earliest = at
    if (at === null) {
      this.#deadlines.delete(id)
      return true
    }
    this.#deadlines.set(id, at)
    let slot = this.#slots.get(second(at))
    if (!slot) {
      slot = new Set()
      this.#slots.set(second(at), slot)
      this.#push(second(at))
    }
    slot.add(id)
    return true
  }

  /** Ids whose deadline is at or before `at`, by deadline, then by id. They stay until set anew. */
  due(at: number): string[] {
    const found: string[] = []
    // Seconds below another one in the heap are later.
    const look = (i: number): void => {
      const s = this.#seconds[i]
      if (s === undefined || s > second(at)) return
      for (const id of this.#slots.get(s)!) if (this.#deadlines.get(id)! <= at) found.push(id)
      look(2 * i + 1)
      look(2 * i + 2)
    }
    look(0)
    const order = (id: string): number => this.#deadlines.get(id)!
    return found.sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1))
  }

  /** The earliest deadline; undefined when there is none. */
  next(): number | undefined {
    this.#earliest ??= this.#find()
    return this.#earliest
  }

  #find(): number | undefined {
    for (;;) {
      const s = this.#seconds[0]
      if (s === undefined) return undefined
      const slot = this.#slots.get(s)!
      if (slot.size > 0) {
        let earliest = Number.POSITIVE_INFINITY
        for (const id of slot) earliest = Math.min(earliest, this.#deadlines.get(id)!)
        return earliest
      }
      this.#slots.delete(s)
      this.#pop()
    }
  }

  takeRecords(): { puts: CheckpointRecord[]; removes: RecordKey[] } {
    const puts: CheckpointRecord[] = []
    const removes: RecordKey[] = []
    for (const id of this.#changed) {
      const value = this.#deadlines.get(id)
      if (value === undefined) removes.push({ space: 'deadline', names: [id] })
      else puts.push({ space: 'deadline', names: [id], value })
    }
    this.#changed.clear()
    return { puts, removes }
  }

  entries(): IterableIterator<[string, number]> {
    return this.#deadlines.entries()
  }

  #push(s: number): void {
    const heap = this.#seconds
    let i = heap.push(s) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (heap[parent]! <= s) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = s
  }

  #pop(): void {
    const heap = this.#seconds
    const s = heap.pop()!
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++
      if (heap[child]! >= s) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = s
  }
}

const second = (at: number): number => Math.floor(at / 1000)
