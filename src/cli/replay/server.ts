/** A Rollcall server seen from the command line: every request is retried until it is answered or patience ends. */
import type { z } from 'zod'
import { RollcallError } from '../../errors.ts'
import { type Policy, retry } from '../../retry.ts'
import type { Time } from '../../time.ts'
import { jsonOf, problemOf, shaped } from '../looking/answer.ts'

export interface ServerRequest {
  method: 'GET' | 'POST' | 'PUT'
  path: string
  /** JSON text */
  body?: string
  headers?: Record<string, string>
}

export interface ServerAnswer {
  status: number
  headers: Headers
  body: unknown
}

const PAUSES_MS = [100, 200, 400, 800, 1_600, 3_200, 5_000]
/** Longer than the 20 s a read may wait for its position. */
const ANSWER_WITHIN_MS = 30_000

export interface ServerOptions {
  /** how long one request may go on failing */
  retryMs: number
  /** hears of a server that stops answering, once until it answers again */
  warn: (text: string) => void
  /** sent as Bearer, and never said */
  token?: string | undefined
  time: Time
}

export class Server {
  readonly url: string
  readonly #policy: Policy
  readonly #warn: (text: string) => void
  readonly #time: Time
  readonly #token: string | undefined
  #failing = false

  constructor(url: string, { retryMs, warn, token, time }: ServerOptions) {
    this.url = url
    this.#policy = { pauses: PAUSES_MS, patienceMs: retryMs }
    this.#warn = warn
    this.#time = time
    this.#token = token
  }

  /**
   * The first answer that is final: a success or a refusal. No answer, 429 and 5xx are tried again with the same
   * body, which is safe because every input is idempotent by its own key.
   */
  async request(request: ServerRequest): Promise<ServerAnswer> {
    const answer = await retry(() => this.#attempt(request), this.#policy, {
      time: this.#time,
      failed: error => {
        if (!this.#failing) this.#warn(`${(error as Error).message}; trying again`)
        this.#failing = true
      },
    })
    this.#failing = false
    return answer
  }

  /** Its answer right now, whatever the status; undefined if that is nothing. */
  async glance(path: string): Promise<unknown> {
    try {
      const response = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
      return await jsonOf(response, undefined)
    } catch {
      // The caller that waits for an answer says that there is none.
      return undefined
    }
  }

  /** What `request` answers; anything but a success with a body of the shape is an error. */
  async json<T>(request: ServerRequest, shape: z.ZodType<T>): Promise<T> {
    const answer = await this.request(request)
    if (answer.status >= 300) throw this.refusal(request, answer)
    if (answer.body === undefined) {
      throw new RollcallError('RC_INVALID_JSON', `${this.#name(request)} answered without JSON; is it a Rollcall?`)
    }
    return this.shaped(request, answer, shape)
  }

  /** The body of the answer, which has the shape. */
  shaped<T>(request: ServerRequest, { body }: ServerAnswer, shape: z.ZodType<T>): T {
    return shaped(shape, body, this.#name(request))
  }

  refusal(request: ServerRequest, answer: ServerAnswer): RollcallError {
    const { code, faults } = problemOf(answer.body)
    return new RollcallError(
      code ?? (answer.status === 404 ? 'RC_NOT_FOUND' : 'RC_BAD_REQUEST'),
      this.#said(request, answer),
      { ...(faults && { faults }) },
    )
  }

  /** Rejects where trying again may help. */
  async #attempt(request: ServerRequest): Promise<ServerAnswer> {
    let answer: ServerAnswer
    try {
      const response = await fetch(`${this.url}${request.path}`, {
        method: request.method,
        headers: {
          ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
          ...request.headers,
          ...(request.body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(request.body !== undefined && { body: request.body }),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      })
      answer = { status: response.status, headers: response.headers, body: await jsonOf(response, this.#token) }
    } catch (error) {
      throw new RollcallError('RC_UNREACHABLE', `${this.#name(request)}: no answer (${reasonOf(error)})`)
    }
    if (answer.status < 500 && answer.status !== 429) return answer
    const { code = 'RC_UNREACHABLE' } = problemOf(answer.body)
    throw new RollcallError(code, this.#said(request, answer))
  }

  #said(request: ServerRequest, { status, body }: ServerAnswer): string {
    const { message } = problemOf(body)
    return `${this.#name(request)} answered ${status}${message ? `: ${message}` : ''}`
  }

  #name({ method, path }: ServerRequest): string {
    return `${method} ${this.url}${path}`
  }
}

/** `fetch` hides what happened in the cause. */
function reasonOf(error: unknown): string {
  const inner = (error as { cause?: unknown }).cause ?? error
  const { code, message } = inner as { code?: unknown; message?: unknown }
  return String(typeof code === 'string' ? code : message)
}
