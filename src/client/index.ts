/**
 * The client for Node and browsers: collects heartbeats and web events, sends them in batches, and sends again what was
 * not accepted, the same records with the same times and ids, so that each counts once. Imports nothing but its own.
 */
import { type Bearer, Bearers, type Token } from './bearer.ts'
import { ServerClock } from './clock.ts'
import { Lane, type LaneParts } from './lane.ts'
import type { Beat, Kept, Kind, Refusal, WebEvent } from './record.ts'
import { type ClientStorage, Waiting } from './waiting.ts'

export type { Beat, ClientStorage, Refusal, WebEvent }

export interface ClientOptions {
  /** of the server, with the path to it if there is one */
  url: string
  /** the bearer token, or where to get it before each request */
  token?: Token
  /** how long records are collected before they are sent; 1,000 ms by default */
  collectMs?: number
  /** how many wait at most; of more the oldest beats are dropped, then the oldest events. 10,000 by default */
  mostWaiting?: number
  /** what waits is kept there, and sent by the next client of the same user; a browser's `localStorage`, say */
  storage?: ClientStorage
  /** told of each record that will not be sent any more; by default the console is, once a code */
  refused?(refusal: Refusal): void
  fetch?: typeof globalThis.fetch
  now?(): number
  sleep?(ms: number): Promise<void>
}

/** A browser has these, and Node has not. */
interface Page {
  document?: { visibilityState: string }
  addEventListener?(type: string, listener: () => void): void
  removeEventListener?(type: string, listener: () => void): void
}

const BEAT_MS = 30_000
const REQUEST_MS = 30_000
/** Requests that outlive a page hold so much together; browsers refuse 64 KiB. */
const LEAVING_BYTES = 60_000
const page = globalThis as Page

export class RollcallClient {
  readonly #options: ClientOptions & Required<Pick<ClientOptions, 'fetch' | 'now'>>
  readonly #url: string
  readonly #waiting: Waiting
  readonly #bearers: Bearers
  readonly #lanes: Record<Kind, Lane>
  readonly #told = new Set<string>()
  #closed = false

  constructor(options: ClientOptions) {
    const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
    const fetch: typeof globalThis.fetch = (...request) => globalThis.fetch(...request)
    const { collectMs = 1_000, mostWaiting = 10_000, now = Date.now, url, token = '', storage } = options
    this.#options = { fetch, ...options, now }
    this.#url = url.replace(/\/+$/, '')
    this.#bearers = new Bearers(token, now)
    const refused = this.#refuse.bind(this)
    this.#waiting = new Waiting(storage, mostWaiting, kept => refused(kept, 'too_many', 'more wait than fit'))
    const parts: LaneParts = {
      ...{ waiting: this.#waiting, bearers: this.#bearers, collectMs, now, sleep: options.sleep ?? sleep, refused },
      clock: new ServerClock(now, () => this.#request('/livez', { cache: 'no-store' })),
      post: (kind, bearer, body, keepalive) => this.#post(kind, bearer, body, keepalive),
      warn: status => this.#tell(`${status} from ${this.#url}: what waits is kept, and sent again`),
      isClosed: () => this.#closed,
    }
    this.#lanes = { heartbeats: new Lane('heartbeats', parts), events: new Lane('events', parts) }
    page.addEventListener?.('visibilitychange', this.#hide)
    page.addEventListener?.('pagehide', this.#leave)
    this.#start()
  }

  /** A viewer is there. */
  beat(beat: Beat): void {
    this.#beat(beat, isHidden())
  }

  /** A viewer is on a page: beats now and every 30 s, until the returned function is called. */
  watch(beat: Beat): () => void {
    this.#beat(beat, true)
    const timer = setInterval(() => this.#beat(beat, true), BEAT_MS)
    return () => clearInterval(timer)
  }

  /** A visitor did something. */
  event(event: WebEvent): void {
    const id = event.id ?? crypto.randomUUID()
    this.#add('events', { ...event, id, ts: event.ts ?? this.#options.now() }, isHidden())
  }

  /** How many are not yet accepted, without those that wait for another user's token. */
  get waiting(): number {
    return this.#lanes.heartbeats.size + this.#lanes.events.size
  }

  /** Resolves when all there is was accepted or refused. */
  async flush(): Promise<void> {
    while (this.waiting > 0 && !this.#closed) await Promise.all(this.#start())
  }

  /** Sends nothing any more; what waits stays in the storage, if there is one. */
  close(): void {
    this.#closed = true
    page.removeEventListener?.('visibilitychange', this.#hide)
    page.removeEventListener?.('pagehide', this.#leave)
  }

  #beat(beat: Beat, isPressing: boolean): void {
    this.#add('heartbeats', { ...beat, at: beat.at ?? this.#options.now() }, isPressing)
  }

  #add(kind: Kind, record: Beat | WebEvent, isPressing: boolean): void {
    const kept: Kept = { kind, record, made: this.#options.now(), user: '', isUnowned: true }
    this.#bearers.forRecord(record.userId, bearer => this.#waiting.change([kept], () => own(kept, bearer)))
    this.#waiting.add(kept)
    this.#lanes[kind].start(isPressing)
  }

  /** Sends what there is of each kind. */
  #start(isPressing = false): Promise<void>[] {
    const lanes = this.#closed ? [] : Object.values(this.#lanes)
    return lanes.filter(({ size }) => size > 0).map(lane => lane.start(isPressing))
  }

  /** A hidden page's timers are late by up to a minute. */
  readonly #hide = (): void => {
    if (isHidden()) this.#start(true)
  }

  readonly #leave = (): void => {
    this.#lanes.events.leave(this.#lanes.heartbeats.leave(LEAVING_BYTES))
  }

  #post(kind: Kind, bearer: string, body: string, keepalive: boolean): Promise<Response> {
    const headers = { 'content-type': 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }) }
    return this.#request(`/${kind}`, { method: 'POST', headers, body, keepalive })
  }

  #request(path: string, init: RequestInit): Promise<Response> {
    const signal = AbortSignal.timeout?.(REQUEST_MS)
    return this.#options.fetch(this.#url + path, { ...init, ...(signal && { signal }) })
  }

  /** Tells of a record in a turn of its own, where what the page makes of it stops nothing. */
  #refuse({ record }: Kept, code: string, message: string): void {
    const { refused } = this.#options
    if (refused) queueMicrotask(() => refused({ record, code, message }))
    else this.#tell(`a record was refused, ${code}: ${message}`)
  }

  #tell(message: string): void {
    if (this.#told.has(message)) return
    this.#told.add(message)
    console.warn(`rollcall: ${message}`)
  }
}

/** A record is of the user whose token was there when it was made. */
function own(kept: Kept, { user, visitor }: Bearer): void {
  kept.user = user
  delete kept.isUnowned
  const { sessionId = visitor } = kept.record as WebEvent
  if (kept.kind === 'events' && sessionId !== undefined) kept.record = { ...kept.record, sessionId } as WebEvent
}

const isHidden = (): boolean => page.document?.visibilityState === 'hidden'
