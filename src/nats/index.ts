import { readFile } from 'node:fs/promises'
import { JetStreamApiError } from '@nats-io/jetstream'
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  errors,
  type NatsConnection,
} from '@nats-io/transport-node'
import { RollcallError } from '../errors.ts'
import { judgeErrors } from '../observe/silence.ts'
import { retry } from '../retry.ts'
import { atMost, systemTime, type Time } from '../time.ts'

const RETRY_MS = 100
const DIAL_MS = 2_000
/** So long a server may take what was written before the end. */
const LAST_WRITES_MS = 300
/** So long a server that is connected may be silent, three times, before it counts as gone. */
const PING_MS = 5_000
/** Refusals that pass: of a stream whose namesake is still being removed, of a message again that replicas lack yet. */
const PASSING_CODES = [10049, 10158]
const OLDEST = [2, 10] as const
/** Servers take messages of so many, unless they are set up to take very little. */
export const LEAST_BYTES = 65_536

export interface Address {
  /** one, or a list with commas; may carry `user:password@` or `token@` */
  url: string
  /** a .creds file */
  creds?: string | undefined
}

/** Connects within `patienceMs`. Whatever it throws names hosts alone, never what the URL holds beside them. */
export async function openConnection(
  { url, creds }: Address,
  patienceMs: number,
  time: Time = systemTime,
): Promise<Connection> {
  const deadline = time.monotonic() + patienceMs
  const options: ConnectionOptions = {
    ...{ ...parsed(url), ...(creds && { authenticator: await authenticatorOf(creds) }) },
    ...{ name: 'rollcall', maxReconnectAttempts: -1, reconnectTimeWait: 250, ignoreAuthErrorAbort: true },
    // A trace of each request, in case it fails, costs more than the request.
    ...{ pingInterval: PING_MS, maxPingOut: 2, noAsyncTraces: true },
  }
  const dial = (): Promise<NatsConnection> => {
    const left = Math.max(RETRY_MS, deadline - time.monotonic())
    return connect({ ...options, timeout: Math.min(DIAL_MS, left) })
  }
  const isFinal = (error: unknown): boolean => error instanceof errors.AuthorizationError
  const nats = await retry(dial, { pauses: [RETRY_MS], patienceMs }, { time, isFinal }).catch(cause => {
    const servers = (options.servers as string[]).join(', ')
    if (!isFinal(cause)) throw new RollcallError('RC_UNREACHABLE', `No NATS server answers at ${servers}.`, { cause })
    throw new RollcallError('RC_CONFIG_INVALID', `The NATS server at ${servers} refuses the credentials.`, { cause })
  })
  const { version } = nats.info!
  if (isSupported(version)) return new Connection(nats, version, time)
  await nats.close()
  const oldest = OLDEST.join('.')
  throw new RollcallError('RC_CONFIG_INVALID', `The NATS server is version ${version}; ${oldest} or newer is needed.`)
}

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
}

// The client takes a password of digits for the port, so it is given hosts alone.
function parsed(url: string): ConnectionOptions {
  const servers: string[] = []
  const options: ConnectionOptions = { servers }
  for (const part of url.split(',')) {
    try {
      const { protocol, hostname, port, username, password } = new URL(part.includes('://') ? part : `nats://${part}`)
      if (!/^(nats|tls):$/.test(protocol) || hostname === '') throw new TypeError('neither nats:// nor tls://')
      servers.push(`${hostname}:${port || 4222}`)
      if (protocol === 'tls:') options.tls = {}
      if (password) Object.assign(options, { user: decodeURIComponent(username), pass: decodeURIComponent(password) })
      else if (username) options.token = decodeURIComponent(username)
    } catch {
      // The error of URL holds the text, and with it the password.
      throw new RollcallError('RC_CONFIG_INVALID', 'The address of NATS is not a list of nats:// or tls:// URLs.')
    }
  }
  return options
}

async function authenticatorOf(creds: string): Promise<Authenticator> {
  try {
    const authenticator = credsAuthenticator(await readFile(creds))
    authenticator('a nonce, to see now whether it can sign')
    return authenticator
  } catch (cause) {
    throw new RollcallError('RC_CONFIG_INVALID', `The credentials file ${creds} cannot be used.`, { cause })
  }
}

/** A connection that comes back whenever it breaks. */
export class Connection {
  readonly nats: NatsConnection
  readonly version: string
  /** bytes of a message, as of the beginning: while it has no connection, the client does not know */
  readonly maxPayload: number
  readonly time: Time
  readonly #changed = new Set<() => void>()
  #isUp = true
  #breaks = 0

  constructor(nats: NatsConnection, version: string, time: Time) {
    this.nats = nats
    this.version = version
    this.maxPayload = nats.info?.max_payload ?? LEAST_BYTES
    this.time = time
    this.#watch()
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.nats.status()) {
      if (type !== 'disconnect' && type !== 'reconnect') continue
      this.#isUp = type === 'reconnect'
      if (!this.#isUp) this.#breaks++
      for (const changed of [...this.#changed]) changed()
    }
    this.#isUp = false
    for (const changed of [...this.#changed]) changed()
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** How often it broke: what was true of the server before need not be any more. */
  get breaks(): number {
    return this.#breaks
  }

  /** Calls back when the connection breaks or is there again. Returns what ends it. */
  onChange(changed: () => void): () => void {
    this.#changed.add(changed)
    return () => this.#changed.delete(changed)
  }

  /** Does `work` until it succeeds, through timeouts and broken connections; throws the last failure. */
  insist<T>(work: () => Promise<T>, deadline: number, signal?: AbortSignal): Promise<T> {
    let failure: unknown = new Error('there is no connection to NATS')
    let isPassing = true
    const attempt = async (): Promise<T> => {
      if (!this.#isUp || signal?.aborted) throw failure
      try {
        return await this.#unbroken(work(), signal)
      } catch (error) {
        failure = error
        isPassing = passes(error)
        throw error
      }
    }
    const policy = { pauses: [RETRY_MS], patienceMs: deadline - this.time.monotonic() }
    const isFinal = (): boolean => !isPassing || this.nats.isClosed()
    const pause = (ms: number): Promise<void> => this.#change(ms, signal)
    return retry(attempt, policy, { time: this.time, isFinal, pause, signal })
  }

  // Requests under way when the connection broke are never answered; without this they would wait for their timeout.
  #unbroken<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const broken = (): void => reject(new errors.ConnectionError('the connection to NATS broke'))
      const end = this.onChange(broken)
      signal?.addEventListener('abort', broken)
      work.then(resolve, reject).finally(() => {
        end()
        signal?.removeEventListener('abort', broken)
      })
    })
  }

  #change(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        cancel()
        end()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const cancel = this.time.after(ms, done)
      const end = this.onChange(done)
      signal?.addEventListener('abort', done)
    })
  }

  /** Sends what was written and closes; a server that is gone is not waited for. */
  async close(): Promise<void> {
    if (this.nats.isClosed()) return
    if (this.#isUp) {
      // A drain fails if the connection breaks meanwhile; then nobody is there to send to either.
      await atMost(
        this.time,
        LAST_WRITES_MS,
        this.nats.drain().catch(() => {}),
      )
    }
    await this.nats.close()
  }
}

/** A failure passes if another try may succeed: no answer, no leader just now, a connection that broke. */
function passes(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return error.status === 503 || PASSING_CODES.includes(error.code)
  const { TimeoutError, RequestError, ConnectionError, NoRespondersError } = errors
  const passing = [TimeoutError, RequestError, ConnectionError, NoRespondersError]
  return passing.some(type => error instanceof type) || (error as Error).name === 'JetStreamNotEnabled'
}

judgeErrors('nats', error => {
  const { ClosedConnectionError, DrainingConnectionError, AuthorizationError, PermissionViolationError } = errors
  if ([ClosedConnectionError, DrainingConnectionError].some(type => error instanceof type)) return 'silence'
  if (error instanceof Error && passes(error)) return 'silence'
  const answers = [JetStreamApiError, AuthorizationError, PermissionViolationError]
  return answers.some(type => error instanceof type) ? 'answer' : undefined
})
