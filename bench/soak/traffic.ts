import { setTimeout as pause } from 'node:timers/promises'
import type { Event } from '../../actors/event.ts'
import type { Heartbeat } from '../../test/support/heartbeat-oracle.ts'
import type { Random } from '../../test/support/random.ts'
import type { Body } from '../../test/support/server.ts'
import type { WebEvent } from '../../test/support/web-session-oracle.ts'
import type { Client } from './client.ts'

const SECOND = 1_000
const MINUTE = 60_000
const DAY = 86_400_000
const [USERS, VISITORS, STREAMERS, RATERS] = [150, 50, 12, 30]
const SENDERS = 4
const MOST_RECORDS = 30
/** A visitor's day has room for 20,000 events, so there are others after a while. */
const VISITORS_FOR_MS = 10 * MINUTE
/** Repetitions are of so many of the latest. */
const REPEATED_OF = 1_000
/** After so long a request that nobody answered is not carried out any more. */
const STRAY_MS = 40 * SECOND

/** A platform that sends beats, visits and streamers' commands, and remembers what it sent. */
export class Traffic {
  readonly beats: Heartbeat[] = []
  readonly visits: WebEvent[] = []
  /** taken from streamers, of each in its order, as the log has them */
  readonly commands: Event[] = []
  readonly #client: Client
  readonly #random: Random
  readonly #began = Date.now()
  /** visits, each of which has an id of its own */
  #made = 0
  /** the session of each streamer who has one, and when its last request strayed */
  readonly #sessions = new Map<string, { id: string; strayAt: number; rated: number; done: Set<string> }>()

  constructor(client: Client, random: Random) {
    this.#client = client
    this.#random = random
  }

  /** Until the signal; resolves when all that was begun was taken, which `late` bounds. */
  async run(signal: AbortSignal, late: AbortSignal): Promise<void> {
    const again = async (longest: number, work: () => Promise<unknown>): Promise<void> => {
      while (!signal.aborted) {
        await work()
        await pause(this.#random.int(0, longest), undefined, { signal }).catch(() => {})
      }
    }
    await Promise.all([
      ...Array.from({ length: SENDERS }, () => again(300, () => this.#sendBeats(late))),
      ...Array.from({ length: SENDERS }, () => again(400, () => this.#sendVisits(late))),
      ...Array.from({ length: STREAMERS }, (_, n) => again(1_500, () => this.#command(`streamer-${n}`, late))),
    ])
  }

  #sendBeats(late: AbortSignal): Promise<unknown> {
    return this.#sendSome('/heartbeats', this.beats, () => this.#beat(), late)
  }

  #sendVisits(late: AbortSignal): Promise<unknown> {
    return this.#sendSome('/events', this.visits, () => this.#visit(), late)
  }

  async #sendSome<T>(path: string, sent: T[], fresh: () => T, late: AbortSignal): Promise<void> {
    const random = this.#random
    const latest = sent.slice(-REPEATED_OF)
    const some = Array.from({ length: random.int(1, MOST_RECORDS) }, () =>
      latest.length > 0 && random.chance(0.1) ? random.pick(latest) : fresh(),
    )
    const known = new Set(latest)
    sent.push(...some.filter(each => !known.has(each)))
    await this.#client.send({ method: 'POST', path, body: some }, late)
  }

  #beat(): Heartbeat {
    const random = this.#random
    const ago = random.chance(0.7) ? random.int(0, 20 * SECOND) : random.int(0, (random.chance(0.8) ? 20 : 40) * MINUTE)
    const ids = [...this.#sessions.values()].map(({ id }) => id)
    return {
      userId: `user-${random.int(1, USERS)}`,
      path: random.pick(['/', '/about', '/live/a', '/sessions/b?x=1', ...ids.map(id => `/live/${id}`)]),
      at: Date.now() - ago,
      ...(random.chance(0.7) && { country: random.pick(['TW', 'DE', 'JP']) }),
      ...(random.chance(0.7) && { groups: random.pick([[], ['free'], ['free', 'beta']]) }),
    }
  }

  #visit(): WebEvent {
    const random = this.#random
    const ago = random.chance(0.75) ? random.int(0, 30 * SECOND) : random.int(0, 2 * DAY)
    const turn = Math.floor((Date.now() - this.#began) / VISITORS_FOR_MS)
    return {
      id: `e${++this.#made}`,
      sessionId: `visitor-${turn}-${random.int(1, VISITORS)}`,
      ts: Date.now() - ago,
      page: random.pick(['/', '/a', '/a?q=1', '/b#c', '/b']),
      ...(random.chance(0.3) && { userId: `user-${random.int(1, USERS)}` }),
      ...(random.chance(0.1) && { partyId: random.pick(['p1', 'p2']) }),
      ...(random.chance(0.15) && { source: { source: random.pick(['direct', 'news', 'ads']), medium: 'link' } }),
    }
  }

  /**
   * The next command of a streamer. A request without an answer may be carried out much later, so none is sent twice in
   * a session but for the retries, and a session whose start may be so is not ended: it would start another.
   */
  async #command(userId: string, late: AbortSignal): Promise<void> {
    const random = this.#random
    const session = this.#sessions.get(userId)
    const send = (method: 'POST' | 'PUT', path: string, body: unknown) =>
      this.#client.send({ method, path, body }, late)
    if (!session) {
      const title = random.chance(0.5) ? `Title ${random.int(1, 9)}` : undefined
      const { body, strayAt } = await send('POST', '/sessions', { userId, ...(title && { title }) })
      this.#sessions.set(userId, { id: body.id, strayAt, rated: 0, done: new Set() })
      this.#took('session.start', userId, { fresh: body.id, sourceId: null, title: title ?? null })
      return
    }
    const { id, done } = session
    const path = `/sessions/${id}`
    if (done.size === 2 && random.chance(0.3)) {
      if (performance.now() - session.strayAt < STRAY_MS) return
      await send('POST', `${path}/end`, {})
      this.#sessions.delete(userId)
      this.#took('session.end', userId, { sessionId: id })
    } else if (!done.has('preset') && random.chance(0.5)) {
      done.add('preset')
      await send('POST', `${path}/preset`, { preset: 'sd' })
      this.#took('session.preset', userId, { sessionId: id, preset: 'sd' })
    } else if (!done.has('goals') && random.chance(0.5)) {
      done.add('goals')
      const goals = { showGoalPairs: [{ title: 'A song', price: random.int(1, 99) }], exclusiveGoalPairs: [] }
      await send('PUT', `${path}/goals`, goals)
      this.#took('session.goals', userId, { sessionId: id, ...goals })
    } else if (session.rated < RATERS) {
      const rating = { userId: `user-${++session.rated}`, score: random.int(1, 5) }
      await send('POST', `${path}/ratings`, rating)
      this.#took('session.rate', userId, { sessionId: id, rater: rating.userId, score: rating.score })
    }
  }

  #took(kind: string, key: string, facts: Body): void {
    const at = this.commands.length + 1
    this.commands.push({ kind, key, id: '', at, arrival: at, ...facts })
  }
}
