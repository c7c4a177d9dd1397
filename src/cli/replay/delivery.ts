/** Delivering arrays of records to a server, and knowing when they can be read. */

import { z } from 'zod'
import { type Fault, RollcallError } from '../../errors.ts'
import { Positions } from '../../log/positions.ts'
import { listOf, problemOf } from '../looking/answer.ts'
import type { Server, ServerRequest } from './server.ts'

/** The bounds of one request: the server's own for an array, and under its 1 MiB for a body. */
export const MAX_RECORDS = 1_000
export const MAX_BODY_BYTES = 900_000

/** Pages of one list, of which a visitor with a web session each day of ten years has some forty. */
const MOST_PAGES = 10_000

/** How many arrays are on their way at once. */
export const IN_FLIGHT = 4

const ACCEPTED = z.object({ accepted: z.number().int().min(0) })

export interface Delivered {
  accepted: number
  /** what the server found wrong, by the record's place in the array that was given */
  refused: Map<number, string>
}

export class Delivery {
  readonly server: Server
  readonly #positions = new Positions()

  constructor(server: Server) {
    this.server = server
  }

  /** Sends an array of JSON texts. Records the server finds faulty are left out and the others sent again. */
  async send(path: string, records: readonly string[]): Promise<Delivered> {
    const delivered: Delivered = { accepted: 0, refused: new Map() }
    const places = records.map((_, place) => place)
    await this.#sendSome(path, records, places, delivered)
    return delivered
  }

  async #sendSome(path: string, records: readonly string[], places: number[], delivered: Delivered): Promise<void> {
    if (places.length === 0) return
    const request: ServerRequest = { method: 'POST', path, body: `[${places.map(place => records[place]).join(',')}]` }
    const answer = await this.server.request(request)
    if (answer.status < 300) {
      const position = answer.headers.get('rollcall-position')
      if (position !== null) this.#positions.read(position)
      delivered.accepted += this.server.shaped(request, answer, ACCEPTED).accepted
      return
    }
    if (answer.status !== 400 && answer.status !== 413) throw this.server.refusal(request, answer)
    const { faults = [], message = `is refused with ${answer.status}` } = problemOf(answer.body)
    const faulty = faultsByPlace(faults, places)
    if (faulty.size === 0 && places.length === 1) faulty.set(places[0]!, message)
    for (const [place, reason] of faulty) delivered.refused.set(place, reason)
    if (faulty.size > 0) {
      const others = places.filter(place => !faulty.has(place))
      return this.#sendSome(path, records, others, delivered)
    }
    // Refused as a whole: halving finds the record that the body could not be read for.
    const half = places.length >> 1
    await this.#sendSome(path, records, places.slice(0, half), delivered)
    await this.#sendSome(path, records, places.slice(half), delivered)
  }

  /** Reads when everything accepted so far is in what is read. */
  readAfter<T>(path: string, shape: z.ZodType<T>): Promise<T> {
    const headers = this.#positions.isEmpty ? {} : { 'rollcall-after': this.#positions.toString() }
    return this.server.json({ method: 'GET', path, headers }, shape)
  }

  /** The items of a list with everything accepted so far, page after page; the path has a query. */
  async *list<T>(path: string, field: string, item: z.ZodType<T>): AsyncGenerator<T> {
    const shape = z.object({ next: z.string().optional() }).and(z.object({ [field]: listOf(item) }))
    let after = ''
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page = await this.readAfter(path + after, shape)
      yield* page[field]!
      if (page.next === undefined) return
      after = `&after=${encodeURIComponent(page.next)}`
    }
    throw new RollcallError('RC_UNREACHABLE', `${this.server.url} answers pages without end`)
  }
}

/** Faults of records that were not sent are no faults of these. */
function faultsByPlace(faults: Fault[], places: number[]): Map<number, string> {
  const reasons = new Map<number, string>()
  for (const { index, path, message } of faults) {
    const place = places[index]
    if (place === undefined) continue
    const before = reasons.get(place)
    const reason = path ? `${path}: ${message}` : message
    reasons.set(place, before === undefined ? reason : `${before}; ${reason}`)
  }
  return reasons
}
