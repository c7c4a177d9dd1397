/**
 * The client for Node and browsers: collects heartbeats and web events, sends them in batches, and sends again what was
 * not accepted, the same records with the same times and ids, so that each counts once. Imports nothing.
 */

export interface Beat {
  userId: string
  path: string
  /** ms since the epoch; now by default */
  at?: number
  /** for services: browsers leave it to the edge and the user's profile */
  country?: string
  groups?: string[]
}

export interface WebEvent {
  /** a new one by default */
  id?: string
  /** the visitor */
  sessionId: string
  page: string
  /** ms since the epoch; now by default */
  ts?: number
  userId?: string
  referrer?: string
  source?: { source?: string; medium?: string; campaign?: string; keyword?: string; content?: string }
}

/** A record the server will not take, and why. */
export interface Refusal {
  record: Beat | WebEvent
  code: string
  message: string
}

export interface ClientOptions {
  /** of the server */
  url: string
  /** the bearer token, or where to get it before each request */
  token?: string | (() => string | Promise<string>)
  /** how long records are collected before they are sent; 1,000 ms by default */
  collectMs?: number
  /** how many wait at most; of more the oldest are dropped. 10,000 by default */
  mostWaiting?: number
  /** what waits is kept there, and sent by the next client; a browser's `localStorage`, say */
  storage?: { getItem(name: string): string | null; setItem(name: string, value: string): void }
  refused?(refusal: Refusal): void
  fetch?: typeof globalThis.fetch
  now?(): number
  sleep?(ms: number): Promise<void>
}

type Kind = 'heartbeats' | 'events'

interface Waiting {
  kind: Kind
  record: Beat | WebEvent
}

const BEAT_MS = 30_000
const MOST_RECORDS = 500
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000
const STORED = 'rollcall'

export class RollcallClient {
  readonly #options: Required<Pick<ClientOptions, 'fetch' | 'now' | 'sleep' | 'collectMs' | 'mostWaiting'>> &
    ClientOptions
  #waiting: Waiting[]
  #sending: Promise<void> | undefined
  #closed = false

  constructor(options: ClientOptions) {
    const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
    const fetch: typeof globalThis.fetch = (...request) => globalThis.fetch(...request)
    this.#options = { fetch, now: Date.now, sleep, collectMs: 1_000, mostWaiting: 10_000, ...options }
    this.#waiting = stored(options.storage?.getItem(STORED) ?? '[]')
    if (this.#waiting.length > 0) this.#start()
  }

  /** A viewer is there. */
  beat(beat: Beat): void {
    this.#add({ kind: 'heartbeats', record: { ...beat, at: beat.at ?? this.#options.now() } })
  }

  /** A viewer is on a page: beats now and every 30 s, until the returned function is called. */
  watch(beat: Beat): () => void {
    this.beat(beat)
    const timer = setInterval(() => this.beat(beat), BEAT_MS)
    return () => clearInterval(timer)
  }

  /** A visitor did something. */
  event(event: WebEvent): void {
    const id = event.id ?? crypto.randomUUID()
    this.#add({ kind: 'events', record: { ...event, id, ts: event.ts ?? this.#options.now() } })
  }

  /** How many are not yet accepted. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Resolves when all there is was accepted or refused. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#closed) await this.#start()
  }

  /** Sends nothing any more; what waits stays in the storage, if there is one. */
  close(): void {
    this.#closed = true
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting)
    if (this.#waiting.length > this.#options.mostWaiting) this.#waiting.shift()
    this.#store()
    this.#start()
  }

  #store(): void {
    try {
      this.#options.storage?.setItem(STORED, JSON.stringify(this.#waiting))
    } catch {
      // It is full, or forbidden: what waits is in memory, and the page goes on.
    }
  }

  #start(): Promise<void> {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined
      if (this.#waiting.length > 0 && !this.#closed) this.#start()
    })
    return this.#sending
  }

  async #send(): Promise<void> {
    const { sleep, collectMs } = this.#options
    await sleep(collectMs)
    for (let wait = FIRST_RETRY_MS; this.#waiting.length > 0 && !this.#closed; ) {
      const { kind } = this.#waiting[0]!
      const batch = this.#waiting.filter(each => each.kind === kind).slice(0, MOST_RECORDS)
      const retryMs = await this.#post(kind, batch)
      if (retryMs === null) wait = FIRST_RETRY_MS
      else {
        await sleep(Math.max(wait, retryMs))
        wait = Math.min(2 * wait, LAST_RETRY_MS)
      }
    }
  }

  /** Null when the batch is settled, else how long to wait at least before it is sent again. */
  async #post(kind: Kind, batch: Waiting[]): Promise<number | null> {
    let response: Response
    try {
      response = await this.#request(kind, batch)
    } catch {
      // There is no connection, or it broke: whether the server took it is not known.
      return 0
    }
    if (response.ok) {
      this.#settle(batch)
      return null
    }
    const isPassing = response.status >= 500 || [401, 408, 429].includes(response.status)
    if (isPassing) return (Number(response.headers.get('retry-after')) || 0) * 1_000
    await this.#refuse(response, batch)
    return null
  }

  async #request(kind: Kind, batch: Waiting[]): Promise<Response> {
    const { url, token, fetch } = this.#options
    const bearer = typeof token === 'function' ? await token() : token
    return fetch(`${url}/${kind}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }) },
      body: JSON.stringify(batch.map(({ record }) => record)),
    })
  }

  /** The server takes a batch whole or not at all: without those at fault the rest is sent again. */
  async #refuse(response: Response, batch: Waiting[]): Promise<void> {
    const { code, message, faults = [] } = (await response.json().catch(() => unexplained(response))) as Refused
    const atFault = faults.length > 0 ? faults : batch.map((_, index) => ({ index, code, message }))
    const refused = new Map(atFault.map(fault => [batch[fault.index]!, fault]))
    this.#settle([...refused.keys()])
    for (const [{ record }, fault] of refused)
      this.#options.refused?.({ record, code: fault.code, message: fault.message })
  }

  #settle(settled: Waiting[]): void {
    const gone = new Set(settled)
    this.#waiting = this.#waiting.filter(each => !gone.has(each))
    this.#store()
  }
}

const unexplained = ({ status, statusText }: Response): Refused => ({ code: `HTTP_${status}`, message: statusText })

function stored(text: string): Waiting[] {
  try {
    const read: unknown = JSON.parse(text)
    return Array.isArray(read) ? read : []
  } catch {
    // Somebody else wrote there.
    return []
  }
}

interface Refused {
  code: string
  message: string
  faults?: { index: number; code: string; message: string }[]
}
