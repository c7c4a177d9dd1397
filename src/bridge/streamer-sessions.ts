import type { z } from 'zod'
import type { Event } from '../../actors/event.ts'
import { sessionOf } from '../../actors/streamer-session.ts'
import type { Document, DocumentStore } from '../documents/index.ts'
import { RollcallError } from '../errors.ts'
import type { Append } from '../log/append.ts'
import { partitionOf } from '../log/partition-of.ts'
import type { OwnerDirectory } from '../ownership/directory.ts'
import type { Time } from '../time.ts'
import { type Caller, mustBe, waiterOf } from './callers.ts'
import { parseOne, preset, rating, sessionGoals, sessionStart, streamer } from './inputs.ts'
import type { Stamp } from './stamp.ts'

type Found = Document & { userId: string; active: boolean; changedAt?: number }

/** A session as it is answered. */
export type ShownSession = Record<string, unknown>

/** A session as it is asked for: of whom is known. */
type Start = Omit<z.output<typeof sessionStart>, 'userId' | 'streamerId'> & { userId: string }

export interface StreamerSessionsOptions {
  settings: { partitions: number; prices: { preview: number; sd: number } }
  append: Append
  stamp: Stamp
  documents: DocumentStore
  directory: OwnerDirectory
  time: Time
}

/** Changes of streamers' sessions. Replies are reads, made once the event is applied, committed and projected. */
export class StreamerSessions {
  readonly #options: StreamerSessionsOptions

  constructor(options: StreamerSessionsOptions) {
    this.#options = options
  }

  /** The session is the caller's own, unless the input names a streamer. */
  async start(input: unknown, caller: Caller): Promise<{ isNew: boolean; session: ShownSession }> {
    const { directory, time } = this.#options
    const at = time.now()
    const { streamerId, sessionId, ...asked } = parseOne(sessionStart, input, at)
    const named = asked.userId ?? streamerId ?? caller.userId
    mustBe(caller, named ?? '')
    const { userId } = parseOne(streamer, { userId: named ?? undefined }, at)
    const start = { ...asked, userId, sessionId: caller.isService ? sessionId : undefined }
    return directory.waiting(waiterOf(caller), () => this.#start(start, at, caller))
  }

  async #start(
    { userId, title, device, sessionId }: Start,
    at: number,
    caller: Caller,
  ): Promise<{ isNew: boolean; session: ShownSession }> {
    const { documents, stamp, settings, time } = this.#options
    const known = await this.#knownBefore(userId)
    const [user, sourceId] = await Promise.all([documents.get('users', userId), this.#sourceIdOf(userId, sessionId)])
    const event: Event = {
      kind: 'session.start',
      key: userId,
      id: objectId(time),
      at,
      arrival: at,
      fresh: objectId(time),
      sourceId,
      title: title ?? null,
      device: device ?? null,
      userTags: user?.tags ?? [],
      price: settings.prices.preview,
    }
    await this.#settle(known, event, caller)
    const session = await this.#latestOf(userId)
    stamp.forgetSession(session._id)
    return { isNew: session.createdBy === event.id, session: sessionOf(session) }
  }

  async setPreset(id: string, input: unknown, caller: Caller): Promise<ShownSession> {
    const { settings, time } = this.#options
    const changed = parseOne(preset, input, time.now())
    const session = await this.#ofCaller(id, caller)
    return this.#change(caller, session, 'session.preset', { ...changed, price: settings.prices[changed.preset] })
  }

  async setGoals(id: string, input: unknown, caller: Caller): Promise<ShownSession> {
    const goals = parseOne(sessionGoals, input, this.#options.time.now())
    return this.#change(caller, await this.#ofCaller(id, caller), 'session.goals', goals)
  }

  /** The streamer's latest session takes ratings after its end too. */
  async rate(id: string, input: unknown, caller: Caller): Promise<ShownSession> {
    const { userId: rater, score } = parseOne(rating, input, this.#options.time.now())
    mustBe(caller, rater)
    const session = await this.#found(id)
    const isLatest = session.active || (await this.#latestOf(session.userId))._id === id
    return this.#change(caller, { ...session, active: isLatest }, 'session.rate', { rater, score })
  }

  async end(id: string, caller: Caller): Promise<ShownSession> {
    const session = await this.#ofCaller(id, caller)
    return session.active ? this.#change(caller, session, 'session.end', {}) : sessionOf(session)
  }

  /** Applies a change to a session and answers with it. */
  async #change(caller: Caller, session: Found, kind: string, facts: object): Promise<ShownSession> {
    if (!session.active) throw new RollcallError('RC_SESSION_ENDED')
    return this.#options.directory.waiting(waiterOf(caller), () => this.#changed(caller, session, kind, facts))
  }

  async #changed(
    caller: Caller,
    { _id, userId, changedAt = 0 }: Found,
    kind: string,
    facts: object,
  ): Promise<ShownSession> {
    const { stamp, time } = this.#options
    const arrival = time.now()
    // The later one of two changes wins, and this one follows what it was made to, whatever another bridge's clock said.
    const at = Math.max(arrival, changedAt + 1)
    const id = objectId(time)
    const known = await this.#knownBefore(userId)
    await this.#settle(known, { kind, key: userId, id, at, arrival, sessionId: _id, ...facts }, caller)
    stamp.forgetSession(_id)
    return sessionOf(await this.#found(_id))
  }

  async #settle(known: Event | null, event: Event, { traceparent }: Caller): Promise<void> {
    const { append, directory } = this.#options
    await directory.settled(await append(known ? [known, event] : [event], traceparent))
  }

  /** The latest session there is, which an actor that knows nothing of its streamer has to be told first. */
  async #knownBefore(userId: string): Promise<Event | null> {
    const { directory, documents, settings, time } = this.#options
    const partition = partitionOf(userId, settings.partitions)
    const { snapshot } = await directory.ask(owner => owner.actor(partition, 'streamer-session', userId))
    if (snapshot) return null
    const [active] = await documents.find('sessions', { filter: { userId, active: true }, limit: 1 })
    const document = active ?? (await this.#lastOf(userId))
    if (!document) return null
    const at = time.now()
    return { kind: 'session.known', key: userId, id: document._id, at, arrival: at, document }
  }

  async #found(id: string): Promise<Found> {
    const session = await this.#options.documents.get('sessions', id)
    if (!session) throw new RollcallError('RC_SESSION_NOT_FOUND')
    return session as Found
  }

  async #ofCaller(id: string, caller: Caller): Promise<Found> {
    const session = await this.#found(id)
    mustBe(caller, session.userId)
    return session
  }

  async #lastOf(userId: string): Promise<Document | undefined> {
    const query = { filter: { userId }, sort: { ordinal: -1 as const, _id: -1 as const }, limit: 1 }
    return (await this.#options.documents.find('sessions', query))[0]
  }

  async #latestOf(userId: string): Promise<Document> {
    const session = await this.#lastOf(userId)
    if (!session) throw new RollcallError('RC_ACTOR_PARKED')
    return session
  }

  /** The session id of a source that has started, unless it is another streamer's session, or was one that ended. */
  async #sourceIdOf(userId: string, given: string | undefined): Promise<string | null> {
    const { documents } = this.#options
    const sourceId = given ?? startedSource(await documents.find('sources', { filter: { userId } }))
    if (sourceId === null) return null
    const taken = await documents.get('sessions', sourceId)
    return taken && (taken.userId !== userId || !taken.active) ? null : sourceId
  }
}

/** An ObjectId, as 24 hexadecimal digits: the second it is made in, then random ones. */
const objectId = (time: Time): string => {
  const second = Math.floor(time.now() / 1_000)
    .toString(16)
    .padStart(8, '0')
  const random = time.id().replaceAll('-', '')
  return `${second}${random.slice(0, 8)}${random.slice(-8)}`
}

/** The session id of a source that has started. */
function startedSource(sources: Document[]): string | null {
  for (const source of sources) {
    const { statuses, metadata } = source as { statuses?: { started?: unknown }; metadata?: { sessionId?: unknown } }
    if (statuses?.started != null && typeof metadata?.sessionId === 'string') return metadata.sessionId
  }
  return null
}
