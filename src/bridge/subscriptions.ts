import { LRUCache } from 'lru-cache'
import type { DocumentStore } from '../documents/index.ts'

const CHANNEL = /^(?<kind>private-user|private-enc-user|private-stream|private-enc-stream|presence-session)@(?<id>.+)$/

const CACHED_STREAMERS = 1_000
/** A streamer's users. */
const CACHED_USERS = 500
const CACHED_MS = 60_000

/** Says who may subscribe to which channel of Pusher. Followers are kept a minute, unless they are dropped before. */
export class Subscriptions {
  readonly #documents: DocumentStore
  /** by streamer, then by user; both kinds of stream channel have the same answer */
  readonly #follows = new LRUCache<string, LRUCache<string, boolean>>({ max: CACHED_STREAMERS })

  constructor(documents: DocumentStore) {
    this.#documents = documents
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
    return this.#follows.get(id)?.get(userId) ?? this.#findOut(id, userId)
  }

  async #findOut(streamerId: string, userId: string): Promise<boolean> {
    const follows = (await this.#documents.get('followers', `${streamerId}\n${userId}`)) !== null
    const users = this.#follows.get(streamerId) ?? new LRUCache({ max: CACHED_USERS, ttl: CACHED_MS })
    this.#follows.set(streamerId, users.set(userId, follows))
    return follows
  }

  /** Finds out anew about all whose answers are kept. */
  async renew(streamerId: string): Promise<void> {
    const users = [...(this.#follows.get(streamerId)?.keys() ?? [])]
    this.#follows.delete(streamerId)
    await Promise.all(users.map(userId => this.#findOut(streamerId, userId)))
  }

  /** A user began or ceased to follow the streamer. */
  forget(streamerId: string, userId: string): void {
    this.#follows.get(streamerId)?.delete(userId)
  }

  /** Nobody is left on the channel. */
  vacated(channel: string): void {
    const { kind, id } = CHANNEL.exec(channel)?.groups ?? {}
    if (kind?.endsWith('stream')) this.#follows.delete(id!)
  }
}
