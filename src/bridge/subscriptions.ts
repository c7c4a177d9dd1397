import { LRUCache } from 'lru-cache'
import type { DocumentStore } from '../documents/index.ts'

const CHANNEL = /^(?<kind>private-user|private-enc-user|private-stream|private-enc-stream|presence-session)@(?<id>.+)$/
const OF_STREAMER = ['private-user', 'private-enc-user', 'private-stream', 'private-enc-stream']

const CACHED_CHANNELS = 10_000
const CACHED_USERS = 10_000
const CACHED_MS = 60_000

/** Who may subscribe to which channel of Pusher; what was found out is kept a minute, unless it is dropped before. */
export class Subscriptions {
  readonly #documents: DocumentStore
  readonly #channels: LRUCache<string, LRUCache<string, boolean>>

  constructor(documents: DocumentStore) {
    this.#documents = documents
    this.#channels = new LRUCache({ max: CACHED_CHANNELS })
  }

  /** False also for a channel that there is not. */
  async mayJoin(channel: string, userId: string): Promise<boolean> {
    const { kind, id } = CHANNEL.exec(channel)?.groups ?? {}
    if (kind === undefined || id === undefined) return false
    if (kind === 'presence-session') {
      const session = await this.#documents.get('sessions', id)
      return session?.active === true
    }
    if (id === userId) return true
    if (kind === 'private-user' || kind === 'private-enc-user') return false
    return this.#usersOf(channel).get(userId) ?? this.#findOut(channel, id, userId)
  }

  async #findOut(channel: string, streamerId: string, userId: string): Promise<boolean> {
    const follows = (await this.#documents.get('followers', `${streamerId}\n${userId}`)) !== null
    this.#usersOf(channel).set(userId, follows)
    return follows
  }

  #usersOf(channel: string): LRUCache<string, boolean> {
    let users = this.#channels.get(channel)
    if (!users) {
      users = new LRUCache({ max: CACHED_USERS, ttl: CACHED_MS })
      this.#channels.set(channel, users)
    }
    return users
  }

  /** Finds out anew about all whose answers are kept. */
  async renew(streamerId: string): Promise<void> {
    for (const channel of channelsOf(streamerId)) {
      const users = [...(this.#channels.get(channel)?.keys() ?? [])]
      this.#channels.delete(channel)
      await Promise.all(users.map(userId => this.#findOut(channel, streamerId, userId)))
    }
  }

  /** A user began or ceased to follow the streamer. */
  forget(streamerId: string, userId: string): void {
    for (const channel of channelsOf(streamerId)) this.#channels.get(channel)?.delete(userId)
  }

  /** Nobody is left on the channel. */
  vacated(channel: string): void {
    this.#channels.delete(channel)
  }
}

const channelsOf = (streamerId: string): string[] => OF_STREAMER.map(kind => `${kind}@${streamerId}`)
