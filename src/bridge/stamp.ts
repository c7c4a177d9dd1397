import { LRUCache } from 'lru-cache'
import type { z } from 'zod'
import type { Event } from '../../actors/event.ts'
import type { DocumentStore } from '../documents/index.ts'
import { Columns, type Written } from '../log/rows.ts'
import { type heartbeat, isId } from './inputs.ts'
import { decoded } from './percent.ts'
import { type KnownPlace, KnownPlaces, type Span, sorted, spanOf } from './places.ts'
import { COUNTRY, countryOf, GROUPS, KEY, PATH, ROW, type Scanned } from './scan.ts'

interface Profile {
  country: string | null
  groups: readonly string[]
  /** the same as scanned beats name it; null if they cannot */
  named: { country: number; groups: Span } | null
}

/** The session that a stream shows; empty where no session has its id. */
interface Show {
  streamer?: string
  preset?: string
}

interface Session {
  userId?: string
  active?: boolean
  status?: { preset?: string }
}

const CACHED_PROFILES = 100_000
const CACHED_MS = 60_000
const CACHED_SHOWS = 10_000
/** As long as another process's change of preset may go unnoticed. */
const CACHED_SHOW_MS = 5_000

/** Puts into an event what the client doesn't say or may not: user groups, country, the stream a path belongs to. */
export class Stamp {
  readonly #documents: DocumentStore
  readonly #streamPaths: readonly string[]
  readonly #profiles = new LRUCache<string, Profile>({ max: CACHED_PROFILES, ttl: CACHED_MS })
  readonly #shows = new LRUCache<string, Show>({ max: CACHED_SHOWS, ttl: CACHED_SHOW_MS })

  readonly #places = new KnownPlaces(path => this.#streamOf(path))

  constructor(documents: DocumentStore, streamPaths: readonly string[]) {
    this.#documents = documents
    this.#streamPaths = streamPaths.map(named)
  }

  /** The session changed. */
  forgetSession(id: string): void {
    this.#shows.delete(id)
  }

  /** The user's profile was written. */
  forget(userId: string): void {
    this.#profiles.delete(userId)
  }

  /** `country` is what the edge says, if it says something; what beats say themselves counts if they are trusted. */
  async heartbeats(
    beats: z.output<typeof heartbeat>[],
    arrival: number,
    country: string | undefined,
    isTrusted = true,
  ): Promise<Event[]> {
    const needing = beats.filter(({ groups, country: own }) => {
      const saysAll = isTrusted && (groups ?? undefined) !== undefined && (own ?? country) !== undefined
      return !saysAll
    })
    const profiles = await this.#profilesOf(needing.map(({ userId }) => userId))
    const streams = beats.map(({ path }) => this.#streamOf(path))
    const shows = await this.#showsOf(streams)
    return beats.map((beat, i) => {
      const { userId, path, at } = beat
      const profile = profiles.get(userId) ?? NOBODY
      const stream = streams[i]!
      return {
        kind: 'heartbeat',
        key: userId,
        id: '',
        at: at ?? arrival,
        arrival,
        path,
        stream,
        country: (isTrusted ? beat.country : null) ?? country ?? profile.country ?? 'ZZ',
        groups: sorted((isTrusted ? beat.groups : null) ?? profile.groups),
        ...(stream !== null && shows.get(stream)),
      }
    })
  }

  /** The same for beats that were scanned; null if some are none that rows can hold. */
  async columns(
    { bytes, length, rows, ats }: Scanned,
    arrival: number,
    country: string | undefined,
    isTrusted = true,
  ): Promise<Columns | null> {
    const edge = country === undefined ? NONE : lettersOf(country)
    const needs = (row: number): boolean =>
      !isTrusted || rows[row * ROW + GROUPS] === NONE || (rows[row * ROW + COUNTRY] === NONE && edge === NONE)
    const keyOf = (row: number): string => bytes.toString('utf8', rows[row * ROW + KEY], rows[row * ROW + KEY + 1])
    const needing: string[] = []
    for (let row = 0; row < length; row++) if (needs(row)) needing.push(keyOf(row))
    const profiles = needing.length > 0 ? await this.#profilesOf(needing) : undefined

    const span = (at: number): Span => ({ bytes, from: rows[at]!, to: rows[at + 1]!, hash: rows[at + 2]! })
    const known: KnownPlace[] = []
    for (let row = 0; row < length; row++) {
      const at = row * ROW
      const profile = needs(row) ? (profiles!.get(keyOf(row)) ?? NOBODY).named : NOBODY.named
      if (!profile) return null
      const own = isTrusted && rows[at + COUNTRY] !== NONE ? rows[at + COUNTRY]! : edge
      const groups = isTrusted && rows[at + GROUPS] !== NONE ? span(at + GROUPS) : profile.groups
      known.push(this.#places.find(span(at + PATH), own === NONE ? profile.country : own, groups))
    }
    const found = this.#showsOf(known.map(({ stream }) => stream))
    const shows = found instanceof Promise ? await found : found
    const places: Written[] = []
    const keys = new Int32Array(3 * length)
    for (let row = 0; row < length; row++) {
      const { stream } = known[row]!
      const place = known[row]!.showing(stream === null ? undefined : shows.get(stream))
      if (!place) return null
      places.push(place)
      for (let i = 0; i < 3; i++) keys[3 * row + i] = rows[row * ROW + KEY + i]!
      if (ats[row] === NONE) ats[row] = arrival
    }
    return new Columns({ bytes, keys, ats, arrival, places })
  }

  async #profilesOf(userIds: readonly string[]): Promise<Map<string, Profile>> {
    const profiles = new Map<string, Profile>()
    const unknown: string[] = []
    for (const userId of userIds) {
      if (profiles.has(userId)) continue
      const profile = this.#profiles.get(userId)
      profiles.set(userId, profile ?? NOBODY)
      if (!profile) unknown.push(userId)
    }
    if (unknown.length > 0) {
      await Promise.all(unknown.map(async userId => profiles.set(userId, await this.#load(userId))))
    }
    return profiles
  }

  async #load(userId: string): Promise<Profile> {
    const user = (await this.#documents.get('users', userId)) as Partial<Profile> | null
    const profile = user ? profileOf(user.country ?? null, user.groups ?? []) : NOBODY
    this.#profiles.set(userId, profile)
    return profile
  }

  /** The shows of streams, at once if all are known. */
  #showsOf(streams: (string | null)[]): Map<string, Show> | Promise<Map<string, Show>> {
    const shows = new Map<string, Show>()
    const unknown: string[] = []
    for (const stream of streams) {
      if (stream === null || shows.has(stream)) continue
      const show = this.#shows.get(stream)
      shows.set(stream, show ?? {})
      if (!show) unknown.push(stream)
    }
    if (unknown.length === 0) return shows
    return Promise.all(unknown.map(async stream => shows.set(stream, await this.#loadShow(stream)))).then(() => shows)
  }

  async #loadShow(stream: string): Promise<Show> {
    const session = await this.#documents.get('sessions', stream)
    const { userId, active, status } = (session ?? {}) as Session
    const show = active && userId && status?.preset ? { streamer: userId, preset: status.preset } : {}
    this.#shows.set(stream, show)
    return show
  }

  #streamOf(path: string): string | null {
    for (const prefix of this.#streamPaths) {
      const stream = nameBehind(prefix, path)
      if (stream !== null && isId(stream)) return stream
    }
    return null
  }
}

/** For a number that is not there. */
const NONE = -1

function profileOf(country: string | null, groups: readonly string[]): Profile {
  const letters = country === null ? NOWHERE : lettersOf(country)
  const canBeNamed = letters !== NONE && Array.isArray(groups)
  const names = canBeNamed ? JSON.stringify(groups).slice(1, -1) : ''
  return { country, groups, named: canBeNamed ? { country: letters, groups: spanOf(names) } : null }
}

const lettersOf = (country: string): number =>
  /^[A-Za-z]{2}$/.test(country) ? countryOf(country.charCodeAt(0), country.charCodeAt(1)) : NONE

const NOWHERE = lettersOf('ZZ')
const NOBODY = profileOf(null, [])

/** The rest of the segment in which the prefix ends; null: the path does not begin with it. Browsers percent-encode paths. */
function nameBehind(prefix: string, path: string): string | null {
  if (path.startsWith(prefix)) return named(/^[^/?#]*/.exec(path.slice(prefix.length))![0])
  if (!path.includes('%')) return null
  const segments = /^[^?#]*/.exec(path)![0].split('/', prefix.split('/').length).map(named)
  const last = segments.pop()!
  const head = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  const begun = prefix.slice(head.length)
  return `${segments.join('/')}/` === head && last.startsWith(begun) ? last.slice(begun.length) : null
}

/** As it is where it cannot be decoded. */
const named = (text: string): string => decoded(text) ?? text
