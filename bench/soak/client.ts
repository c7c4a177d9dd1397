import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../test/support/random.ts'
import type { Body } from '../../test/support/server.ts'

/** Nobody waits longer for an answer. */
const GIVEN_UP_MS = [500, 8_000] as const
/** The share of good answers that get lost. */
const LOST = 0.03
const READ_MS = 25_000
/** So long what was healed may answer nothing. */
const READ_PATIENCE_MS = 90_000
const MOST_TROUBLES = 20

export interface Sent {
  method: 'POST' | 'PUT'
  path: string
  body?: unknown
}

export interface Taken {
  body: Body
  /** of the last attempt that may still be on its way, if there is one */
  strayAt: number
}

/** Sends each input to whichever process answers, until it is taken; knows which positions it was told. */
export class Client {
  /** answers nobody should get */
  readonly troubles: string[] = []
  readonly counts = { tries: 0, unanswered: 0, refused: 0, lost: 0 }
  /** the longest that an input was on its way, ms */
  slowest = 0
  readonly #urls: string[]
  readonly #random: Random
  readonly #positions = new Map<number, bigint>()

  constructor(urls: string[], random: Random) {
    this.#urls = urls
    this.#random = random
  }

  /** Resolves when the input was taken; rejects when the signal says that it should have been. */
  async send({ method, path, body }: Sent, late: AbortSignal): Promise<Taken> {
    const began = performance.now()
    const text = JSON.stringify(body ?? {})
    let strayAt = Number.NEGATIVE_INFINITY
    for (let last = 'nothing was tried'; ; await pause(this.#random.int(20, 400))) {
      if (late.aborted) throw new Error(`${method} ${path} ${text.slice(0, 200)} was not taken: ${last}`)
      this.counts.tries++
      const headers = { 'content-type': 'application/json' }
      const signal = AbortSignal.timeout(this.#random.int(...GIVEN_UP_MS))
      let reply: Response
      let answer: Body
      try {
        reply = await fetch(this.#random.pick(this.#urls) + path, { method, headers, body: text, signal })
        answer = await reply.json()
      } catch (error) {
        this.counts.unanswered++
        strayAt = performance.now()
        last = String((error as Error).cause ?? error)
        continue
      }
      last = `${reply.status} ${JSON.stringify(answer)}`
      if (reply.ok && this.#random.chance(LOST)) {
        this.counts.lost++
        strayAt = performance.now()
        continue
      }
      if (reply.ok) {
        this.#note(reply.headers)
        this.slowest = Math.max(this.slowest, performance.now() - began)
        return { body: answer, strayAt }
      }
      this.counts.refused++
      if (reply.status !== 503 && reply.status !== 504 && this.troubles.length < MOST_TROUBLES)
        this.troubles.push(`${method} ${path} ${text.slice(0, 200)} was answered ${last}`)
    }
  }

  #note(headers: Headers): void {
    for (const position of headers.get('rollcall-position')?.split(',') ?? []) {
      const [partition, seq] = position.split('-') as [string, string]
      const seen = this.#positions.get(Number(partition)) ?? 0n
      if (BigInt(seq) > seen) this.#positions.set(Number(partition), BigInt(seq))
    }
  }

  /** Reads at one process, once all that was taken can be read; rejects if that cannot be had in time. */
  async read(url: string, path: string): Promise<Body> {
    const after = [...this.#positions].map(([partition, seq]) => `${partition}-${seq}`).join(',')
    const until = performance.now() + READ_PATIENCE_MS
    for (let last = 'nothing was tried'; ; await pause(100)) {
      if (performance.now() > until) throw new Error(`GET ${path} gave no answer: ${last}`)
      const headers = after === '' ? {} : { 'rollcall-after': after }
      try {
        const reply = await fetch(url + path, { headers, signal: AbortSignal.timeout(READ_MS) })
        const body = await reply.json()
        if (reply.ok) return body
        last = `${reply.status} ${JSON.stringify(body)}`
      } catch (error) {
        last = String((error as Error).cause ?? error)
      }
    }
  }

  /** All of a list that comes in pages. */
  async readAll(url: string, path: string, of: string): Promise<Body[]> {
    const found: Body[] = []
    for (let after = ''; ; ) {
      const page = await this.read(url, path + after)
      found.push(...page[of])
      if (page.next === undefined) return found
      after = `${path.includes('?') ? '&' : '?'}after=${encodeURIComponent(page.next)}`
    }
  }
}
