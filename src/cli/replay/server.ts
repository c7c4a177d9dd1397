/** A Rollcall server seen from the command line: every request is retried until it is answered or patience ends. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ERRORS, type ErrorCode, type Fault, RollcallError } from '../../errors.ts'

export interface Clock {
  /** ms, from any beginning */
  now(): number
  sleep(ms: number): Promise<void>
}

export const systemClock: Clock = { now: () => performance.now(), sleep: ms => sleep(ms) }

export interface Request {
  method: 'GET' | 'POST' | 'PUT'
  path: string
  /** JSON text */
  body?: string
  headers?: Record<string, string>
}

export interface Answer {
  status: number
  headers: Headers
  body: unknown
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
/** Longer than the 20 s a read may wait for its position. */
const ANSWER_WITHIN_MS = 30_000

export interface ServerOptions {
  /** how long one request may go on failing */
  retryMs: number
  /** hears of a server that stops answering, once until it answers again */
  warn: (text: string) => void
  clock?: Clock
}

export class Server {
  readonly url: string
  readonly #retryMs: number
  readonly #warn: (text: string) => void
  readonly #clock: Clock
  #failing = false

  constructor(url: string, { retryMs, warn, clock = systemClock }: ServerOptions) {
    this.url = url
    this.#retryMs = retryMs
    this.#warn = warn
    this.#clock = clock
  }

  /**
   * The first answer that is final: a success or a refusal. No answer, 429 and 5xx are tried again with the same
   * body, which is safe because every input is idempotent by its own key.
   */
  async request(request: Request): Promise<Answer> {
    let failingSince: number | undefined
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      const outcome = await this.#attempt(request)
      if ('status' in outcome) {
        this.#failing = false
        return outcome
      }
      const now = this.#clock.now()
      failingSince ??= now
      const left = failingSince + this.#retryMs - now
      if (left <= 0) throw new RollcallError(outcome.code, `${this.#name(request)}: ${outcome.why}; gave up`)
      if (!this.#failing) this.#warn(`${this.#name(request)}: ${outcome.why}; trying again`)
      this.#failing = true
      await this.#clock.sleep(Math.min(pause, left))
    }
  }

  /** Like `request`, where anything but a success with a JSON body is an error. */
  async json(request: Request): Promise<Answer> {
    const answer = await this.request(request)
    if (answer.status >= 300) throw this.refusal(request, answer)
    if (answer.body === undefined) {
      throw new RollcallError('RC_INVALID_JSON', `${this.#name(request)} answered without JSON; is it a Rollcall?`)
    }
    return answer
  }

  refusal(request: Request, { status, body }: Answer): RollcallError {
    const { code, message, faults } = problemOf(body)
    return new RollcallError(
      code ?? (status === 404 ? 'RC_NOT_FOUND' : 'RC_BAD_REQUEST'),
      `${this.#name(request)} answered ${status}${message ? `: ${message}` : ''}`,
      { ...(faults && { faults }) },
    )
  }

  async #attempt(request: Request): Promise<Answer | { code: ErrorCode; why: string }> {
    let answer: Answer
    try {
      const response = await fetch(`${this.url}${request.path}`, {
        method: request.method,
        headers: { ...request.headers, ...(request.body !== undefined && { 'content-type': 'application/json' }) },
        ...(request.body !== undefined && { body: request.body }),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      })
      answer = { status: response.status, headers: response.headers, body: jsonOf(await response.text()) }
    } catch (error) {
      return { code: 'RC_UNREACHABLE', why: `no answer (${reasonOf(error)})` }
    }
    if (answer.status < 500 && answer.status !== 429) return answer
    const { code, message } = problemOf(answer.body)
    return { code: code ?? 'RC_UNREACHABLE', why: `answered ${answer.status}${message ? `: ${message}` : ''}` }
  }

  #name({ method, path }: Request): string {
    return `${method} ${this.url}${path}`
  }
}

/** What a refusal says of itself. */
export const problemOf = (body: unknown): { code?: ErrorCode; message?: string; faults?: Fault[] } => {
  const { code, message, faults } = (body ?? {}) as { code?: unknown; message?: unknown; faults?: unknown }
  return {
    ...(typeof code === 'string' && code in ERRORS && { code: code as ErrorCode }),
    ...(typeof message === 'string' && { message }),
    ...(Array.isArray(faults) && { faults: faults as Fault[] }),
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A proxy in between answers in HTML: then the status is all there is.
    return undefined
  }
}

/** fetch hides what happened in the cause. */
function reasonOf(error: unknown): string {
  const inner = (error as { cause?: unknown }).cause ?? error
  const { code, message } = inner as { code?: unknown; message?: unknown }
  return String(typeof code === 'string' ? code : message)
}
