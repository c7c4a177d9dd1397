import type { Share } from '../../machines/packed-viewer.ts'

/** Characters of a text that is kept for others to share. */
const LONGEST = 256
/** Characters of such texts, and of the names by which things are known; with more, all are forgotten. */
const MOST_CHARACTERS = 1_048_576
/** The part of its partition's bytes that each of both has as characters. */
const PART = 1 / 32
/** Characters that a text, or a thing, counts as beside its name. */
const BESIDE_NAME = 100
/** Fields whose texts are of one actor, or of one event. */
const OWN: ReadonlySet<string> = new Set(['key', 'id'])

/** Texts and things that many actors of a partition hold, such as paths and spots: of each there is one in memory. */
export class Names {
  readonly #known: Known<string>
  readonly #things: Known<object>

  /** The actors of its partition take so many bytes at most. */
  constructor(bytes = Number.POSITIVE_INFINITY) {
    const most = Math.min(MOST_CHARACTERS, PART * bytes)
    this.#known = new Known(most)
    this.#things = new Known(most)
  }

  /** Has all texts in it be those that are known. */
  share(value: object): void {
    const fields = value as Record<string, unknown>
    // Values are of many shapes: for each of them V8 would compile a loop over their fields anew.
    const names = Object.keys(fields)
    for (let i = 0; i < names.length; i++) {
      const field = names[i]!
      const each = fields[field]
      if (typeof each === 'string') {
        if (each.length <= LONGEST && !OWN.has(field)) fields[field] = this.#one(each)
      } else if (typeof each === 'object' && each !== null) this.share(each)
    }
  }

  /** The one thing of that name, which is made if none is known. */
  readonly thing: Share = <T extends object>(name: string, make: () => T): T => this.#things.one(name, make) as T

  #one(name: string): string {
    return this.#known.one(name, () => name)
  }
}

/** The latest things, by names of so many characters at most. */
class Known<T> {
  readonly #things = new Map<string, T>()
  readonly #most: number
  #characters = 0

  constructor(most: number) {
    this.#most = most
  }

  one(name: string, make: () => T): T {
    const known = this.#things.get(name)
    if (known !== undefined) return known
    const made = make()
    this.#characters += name.length + BESIDE_NAME
    if (this.#characters > this.#most) {
      this.#things.clear()
      this.#characters = name.length + BESIDE_NAME
    }
    this.#things.set(name, made)
    return made
  }
}
