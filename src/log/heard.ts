/** A place, and the bytes it was read from. */
export interface KnownPlace<T> {
  readonly place: T
  readonly bytes: Uint8Array
}

/** Viewers that are remembered, a power of two, and bytes of the key of one: no others are. */
const [SLOTS, MOST_KEY] = [65_536, 32]

/** Viewers that were heard, by the bytes of their keys, and where each was last: most beats come from there again. */
export class Heard<T> {
  readonly #bytes = new Uint8Array(SLOTS * MOST_KEY)
  readonly #sizes = new Uint8Array(SLOTS)
  readonly #keys: string[] = new Array(SLOTS).fill('')
  readonly #places: (KnownPlace<T> | undefined)[] = new Array(SLOTS).fill(undefined)

  /** The slot of a key, which may be another's; -1 if it can have none. */
  slotOf(bytes: Uint8Array, start: number, end: number): number {
    const size = end - start
    if (size > MOST_KEY) return -1
    let hash = size
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
    return (hash ^ (hash >>> 16)) & (SLOTS - 1)
  }

  /** The key, if it is the slot's. */
  keyOf(slot: number, bytes: Uint8Array, start: number, end: number): string | undefined {
    if (this.#sizes[slot] !== end - start) return undefined
    for (let i = start, own = slot * MOST_KEY; i < end; i++, own++) {
      if (this.#bytes[own] !== bytes[i]) return undefined
    }
    return this.#keys[slot]
  }

  /** The place of the slot's viewer, if it has these bytes. */
  placeOf(slot: number, bytes: Uint8Array, start: number, end: number): T | undefined {
    const known = this.#places[slot]
    if (known === undefined) return undefined
    const own = known.bytes
    if (own.length !== end - start) return undefined
    for (let i = 0; i < own.length; i++) if (own[i] !== bytes[start + i]) return undefined
    return known.place
  }

  /** The last place of the slot's viewer, if its bytes stand there. */
  knownAt(slot: number, bytes: Uint8Array, start: number): KnownPlace<T> | undefined {
    const known = this.#places[slot]
    if (known === undefined) return undefined
    const own = known.bytes
    for (let i = 0; i < own.length; i++) if (own[i] !== bytes[start + i]) return undefined
    return known
  }

  /** Gives the slot to a key, whose bytes these are. */
  setKey(slot: number, key: string, bytes: Uint8Array, start: number, end: number): void {
    this.#sizes[slot] = end - start
    for (let i = start, own = slot * MOST_KEY; i < end; i++, own++) this.#bytes[own] = bytes[i]!
    this.#keys[slot] = key
    this.#places[slot] = undefined
  }

  setPlace(slot: number, place: KnownPlace<T>): void {
    this.#places[slot] = place
  }

  /** Forgets all places. */
  clear(): void {
    this.#places.fill(undefined)
  }
}
