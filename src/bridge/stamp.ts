import { LRUCache } from 'lru-cache'
import type { z } from 'zod'
import type { Event } from '../../actors/event.ts'
import type { DocumentStore } from '../documents/index.ts'
import { type heartbeat, isId } from './inputs.ts'
import { decoded } from './percent.ts'

interface Profile {
  country: string | null
  groups: readonly string[]
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

const NOBODY: Profile = { country: null, groups: [] }
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
    const profiles = new Map<string, Profile>()
    const unknown: string[] = []
    for (const { userId, groups, country: own } of beats) {
      const saysAll = isTrusted && (groups ?? undefined) !== undefined && (own ?? country) !== undefined
      if (saysAll || profiles.has(userId)) continue
      const profile = this.#profiles.get(userId)
      profiles.set(userId, profile ?? NOBODY)
      if (!profile) unknown.push(userId)
    }
    if (unknown.length > 0) {
      await Promise.all(unknown.map(async userId => profiles.set(userId, await this.#load(userId))))
    }
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

  async #load(userId: string): Promise<Profile> {
    const user = (await this.#documents.get('users', userId)) as Partial<Profile> | null
    const profile = user ? { country: user.country ?? null, groups: user.groups ?? [] } : NOBODY
    this.#profiles.set(userId, profile)
    return profile
  }

  async #showsOf(streams: (string | null)[]): Promise<Map<string, Show>> {
    const shows = new Map<string, Show>()
    const unknown: string[] = []
    for (const stream of streams) {
      if (stream === null || shows.has(stream)) continue
      const show = this.#shows.get(stream)
      shows.set(stream, show ?? {})
      if (!show) unknown.push(stream)
    }
    if (unknown.length > 0) {
      await Promise.all(unknown.map(async stream => shows.set(stream, await this.#loadShow(stream))))
    }
    return shows
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

const sorted = (names: readonly string[]): readonly string[] => (names.length < 2 ? names : [...new Set(names)].sort())
