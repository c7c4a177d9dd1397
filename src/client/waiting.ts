import { type Kept, keyOf, readKept } from './record.ts'

/** A place that outlives the page; a browser's `localStorage`, say. */
export interface ClientStorage {
  getItem(name: string): string | null
  setItem(name: string, value: string): void
}

interface Entry {
  key: string
  kept: Kept
  /** as it is stored */
  text: string
}

const STORED = 'rollcall'
/** in memory */
const MOST_CHARS = 2 ** 24
/** in the storage, where a browser gives a site 5 Mi characters for all it has */
const MOST_STORED_CHARS = 2 ** 20
const LEAST_STORED_CHARS = 2 ** 8

const entryOf = (kept: Kept): Entry => ({ key: keyOf(kept), kept, text: JSON.stringify(kept) })

/** All that is not yet accepted, in memory and in the storage, which other tabs write to as well. */
export class Waiting {
  readonly #storage: ClientStorage | undefined
  readonly #most: number
  readonly #lost: (kept: Kept) => void
  readonly #own = new Map<string, Entry>()
  #chars = 0
  /** keys of what came from the storage: when it is gone from there, another tab has sent it */
  readonly #adopted = new Set<string>()
  #stored: string | null = null
  /** what other tabs have in `#stored` */
  #others = new Map<string, Entry>()
  #mostStored = MOST_STORED_CHARS

  constructor(storage: ClientStorage | undefined, most: number, lost: (kept: Kept) => void) {
    this.#storage = storage
    this.#most = most
    this.#lost = lost
    this.#stored = this.#read()
    for (const kept of readKept(this.#stored)) this.#adopted.add(this.#put(kept))
  }

  [Symbol.iterator](): Iterator<Kept> {
    return [...this.#own.values()].map(({ kept }) => kept)[Symbol.iterator]()
  }

  add(kept: Kept): void {
    this.#put(kept)
    const over = beyond([...this.#own.values()], this.#chars, MOST_CHARS, this.#most)
    this.settle(over.map(each => each.kept))
    for (const each of over) this.#lost(each.kept)
  }

  /** Changes records in their place. */
  change(changed: Kept[], change: (kept: Kept) => void): void {
    const gone: string[] = []
    for (const kept of changed) {
      const key = keyOf(kept)
      const isHere = this.#drop(key)
      change(kept)
      if (!isHere) continue
      this.#put(kept)
      gone.push(key)
    }
    if (gone.length > 0) this.#store(gone)
  }

  settle(settled: Kept[]): void {
    const keys = settled.map(keyOf)
    for (const key of keys) this.#drop(key)
    this.#store(keys)
  }

  #put(kept: Kept): string {
    const entry = entryOf(kept)
    this.#drop(entry.key)
    this.#own.set(entry.key, entry)
    this.#chars += entry.text.length
    return entry.key
  }

  #drop(key: string): boolean {
    this.#chars -= this.#own.get(key)?.text.length ?? 0
    return this.#own.delete(key)
  }

  /** Writes what waits beside what other tabs have there, without what is gone. */
  #store(gone: string[]): void {
    if (!this.#storage) return
    this.#merge(gone)
    const all = [...this.#others.values(), ...this.#own.values()]
    const chars = all.reduce((sum, { text }) => sum + text.length + 1, 2)
    for (let most = Math.min(this.#mostStored, Math.max(chars, LEAST_STORED_CHARS)); ; most /= 2) {
      const over = new Set(beyond(all, chars, most))
      const text = `[${all.flatMap(entry => (over.has(entry) ? [] : entry.text)).join()}]`
      if (text === (this.#stored ?? '[]')) return
      try {
        this.#storage.setItem(STORED, text)
      } catch {
        // A storage that is full may take less; what waits is in memory.
        if (most < LEAST_STORED_CHARS) return
        continue
      }
      this.#stored = text
      this.#mostStored = Math.min(2 * most, MOST_STORED_CHARS)
      for (const { key, kept } of over) if (this.#others.delete(key)) this.#lost(kept)
      return
    }
  }

  #merge(gone: string[]): void {
    const stored = this.#read()
    if (stored !== this.#stored) {
      const there = new Map(readKept(stored).map(kept => [keyOf(kept), entryOf(kept)]))
      for (const key of this.#adopted) if (!there.has(key)) this.#drop(key)
      this.#others = new Map([...there].filter(([key]) => !this.#own.has(key)))
      this.#stored = stored
    }
    for (const key of gone) if (!this.#own.has(key)) this.#others.delete(key)
  }

  #read(): string | null {
    try {
      return this.#storage?.getItem(STORED) ?? null
    } catch {
      // A storage that is forbidden did not change, as far as this page knows.
      return this.#stored
    }
  }
}

/** Entries that have to go so that the rest fits: the oldest beats, then the oldest events. */
function beyond(all: Entry[], chars: number, mostChars: number, most = Number.POSITIVE_INFINITY): Entry[] {
  let [left, count] = [chars, all.length]
  if (left <= mostChars && count <= most) return []
  const isEvent = ({ kept }: Entry): number => Number(kept.kind === 'events')
  const order = [...all].sort((a, b) => isEvent(a) - isEvent(b) || a.kept.made - b.kept.made)
  const fits = order.findIndex(({ text }) => {
    if (left <= mostChars && count <= most) return true
    left -= text.length + 1
    count--
    return false
  })
  return fits < 0 ? order : order.slice(0, fits)
}
