import type { Place } from '../log/beats.ts'
import { hashOf } from '../log/hash.ts'
import { keptBytes, placed, type Written } from '../log/rows.ts'

/** Bytes of the places that are known, and how many one takes beside what names it; one of more is not kept. */
const MOST_KNOWN = 16_777_216
const OWN_BYTES = 512
const MOST_BYTES = 2_048
/** As many places are known at most; a power of two. */
const SLOTS = 16_384

/** Part of some bytes, and its hash. */
export interface Span {
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
  readonly hash: number
}

export const spanOf = (text: string): Span => {
  const bytes = keptBytes(text)
  return { bytes, from: 0, to: bytes.length, hash: hashOf(bytes) }
}

/** A place that beats named, and what its stream showed when one last asked. */
export class KnownPlace {
  readonly hash: number
  readonly country: number
  /** the path, then the groups */
  readonly name: Buffer
  readonly pathBytes: number
  readonly #place: Place
  #show: object | undefined
  #written: Written | null

  constructor(hash: number, path: Span, country: number, groups: Span, streamOf: (path: string) => string | null) {
    this.hash = hash
    this.country = country
    this.pathBytes = path.to - path.from
    this.name = Buffer.allocUnsafeSlow(this.pathBytes + groups.to - groups.from)
    path.bytes.copy(this.name, 0, path.from, path.to)
    groups.bytes.copy(this.name, this.pathBytes, groups.from, groups.to)
    const text = this.name.toString('utf8', 0, this.pathBytes)
    const names = JSON.parse(`[${this.name.toString('utf8', this.pathBytes)}]`) as string[]
    const [first, second] = [country >> 8, country & 0xff]
    this.#place = {
      ...{ path: text, stream: streamOf(text), country: String.fromCharCode(first, second), groups: sorted(names) },
    }
    this.#written = placed(this.#place)
  }

  get stream(): string | null {
    return this.#place.stream
  }

  /** As entries have it, with what its stream shows; null if none can. */
  showing(show?: object): Written | null {
    if (show !== this.#show) {
      this.#show = show
      this.#written = placed({ ...this.#place, ...show })
    }
    return this.#written
  }

  is(path: Span, country: number, groups: Span): boolean {
    const { name, pathBytes } = this
    const all = path.to - path.from + groups.to - groups.from
    if (country !== this.country || pathBytes !== path.to - path.from || name.length !== all) return false
    for (let i = 0, at = path.from; i < pathBytes; i++, at++) if (name[i] !== path.bytes[at]) return false
    for (let i = pathBytes, at = groups.from; i < all; i++, at++) if (name[i] !== groups.bytes[at]) return false
    return true
  }
}

/** Places by the bytes that name them: beats come from few of them, and little has to be made for one that is known. */
export class KnownPlaces {
  readonly #streamOf: (path: string) => string | null
  readonly #slots: (KnownPlace | undefined)[] = Array(SLOTS).fill(undefined)
  #bytes = 0

  constructor(streamOf: (path: string) => string | null) {
    this.#streamOf = streamOf
  }

  find(path: Span, country: number, groups: Span): KnownPlace {
    const hash = Math.imul(path.hash ^ Math.imul(groups.hash, 0x9e3779b1) ^ country, 0x85ebca6b)
    const slot = (hash >>> 16) & (SLOTS - 1)
    const known = this.#slots[slot]
    if (known?.hash === hash && known.is(path, country, groups)) return known
    const made = new KnownPlace(hash, path, country, groups, this.#streamOf)
    if (made.name.length <= MOST_BYTES) this.#keep(slot, made)
    return made
  }

  #keep(slot: number, made: KnownPlace): void {
    // The texts of a place, as they came and as entries have them, are each about as long as its name.
    this.#bytes += OWN_BYTES + 4 * made.name.length
    if (this.#bytes > MOST_KNOWN) {
      this.#slots.fill(undefined)
      this.#bytes = 0
    }
    this.#slots[slot] = made
  }
}

export const sorted = (names: readonly string[]): readonly string[] =>
  names.length < 2 ? names : [...new Set(names)].sort()
