import type { Share } from '../../machines/packed-viewer.ts'

/** Texts that are kept for others to share; when there are so many, all are forgotten. */
const MOST_NAMES = 10_000
const LONGEST = 256
/** Characters of the names by which things are known; with more, all are forgotten. */
const MOST_CHARACTERS = 1_048_576
/** Characters that a thing counts as beside its name. */
const BESIDE_NAME = 100
/** Fields whose texts are of one actor, or of one event. */
const OWN: ReadonlySet<string> = new Set(['key', 'id'])

/** Texts and things that many actors of a partition hold, such as paths and spots: of each there is one in memory. */
export class Names {
  readonly #known = new Map<string, string>()
  readonly #things = new Map<string, object>()
  #characters = 0

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
  readonly thing: Share = <T extends object>(name: string, make: () => T): T => {
    const known = this.#things.get(name)
    if (known !== undefined) return known as T
    const made = make()
    this.#characters += name.length + BESIDE_NAME
    if (this.#characters > MOST_CHARACTERS) {
      this.#things.clear()
      this.#characters = name.length + BESIDE_NAME
    }
    this.#things.set(name, made)
    return made
  }

  #one(name: string): string {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    if (this.#known.size >= MOST_NAMES) this.#known.clear()
    this.#known.set(name, name)
    return name
  }
}
