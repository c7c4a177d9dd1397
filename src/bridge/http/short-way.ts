import type { IncomingMessage, ServerResponse } from 'node:http'
import { RollcallError } from '../../errors.ts'
import type { Growing } from '../../observe/meter.ts'
import { TRACEPARENT } from '../../observe/traces.ts'
import { ANYBODY, inTrace } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { scan } from '../scan.ts'
import { admitted, BODY_BYTES } from './admission.ts'
import type { InFlight } from './in-flight.ts'
import { edgeCountry } from './intake.ts'
import { isOfLoopback } from './origins.ts'
import { refusalOf } from './refusal.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const TYPES = ['application/json', JSON_TYPE]
/** Headers by which the answer depends on more than what is looked at here. */
const MORE = ['transfer-encoding', 'content-encoding', 'origin', 'sec-fetch-site', 'accept-version']

/** Reads JSON as the routes do. Throws RC_INVALID_JSON. */
export type ReadJson = (body: Buffer) => unknown

/**
 * The way of heartbeats before all routes, for requests that are as nearly all are: it asks the same of them, in the same
 * order, and gives the same answers, but makes nothing that only other routes need.
 */
export class ShortWay {
  readonly #bridge: Bridge
  readonly #inFlight: InFlight
  readonly #readJson: ReadJson
  /** of the times of answers, by status */
  readonly #spreads = new Map<number, Growing>()

  constructor(bridge: Bridge, inFlight: InFlight, readJson: ReadJson) {
    this.#bridge = bridge
    this.#inFlight = inFlight
    this.#readJson = readJson
  }

  /** False if the request is for the routes to answer. */
  isFor({ method, url, headers }: IncomingMessage, response: ServerResponse): boolean {
    if (url !== '/heartbeats' || method !== 'POST' || this.#inFlight.isDraining) return false
    // Without a socket it waits until the answer before is out.
    if (response.socket === null || !TYPES.includes(headers['content-type']!)) return false
    const length = Number(headers['content-length'])
    if (!(length > 0 && length <= BODY_BYTES) || MORE.some(name => headers[name] !== undefined)) return false
    return this.#bridge.callers !== null || isOfLoopback(headers.host)
  }

  /** `lines` are names and values of headers that the answer begins with. */
  async take(request: IncomingMessage, response: ServerResponse, lines: string[]): Promise<void> {
    const began = this.#bridge.time.monotonic()
    this.#inFlight.add(response)
    try {
      const { callers, intake, settings } = this.#bridge
      const { headers } = request
      const caller = callers ? await admitted(this.#bridge, headers, 'user') : inTrace(ANYBODY, headers[TRACEPARENT])
      // The body is in no variable: where it is not needed any more it goes before the append.
      const heartbeats = this.#read(await bodyOf(request), lines)
      const sender = { caller, faulty: 'refuse', country: edgeCountry(headers, settings.countryHeader) } as const
      const { accepted, positions } = await intake.heartbeats(heartbeats, sender)
      lines.push('rollcall-position', positions.toString())
      answer(response, 202, lines, { accepted })
    } catch (error) {
      const { status, retryAfter, body } = refusalOf(error as Error, this.#bridge)
      if (retryAfter !== undefined) lines.push('retry-after', String(retryAfter))
      answer(response, status, lines, body)
    }
    this.#spreadOf(response.statusCode).add((this.#bridge.time.monotonic() - began) / 1_000)
  }

  #spreadOf(status: number): Growing {
    let spread = this.#spreads.get(status)
    if (!spread) {
      const labels = { method: 'POST', route: '/heartbeats', status: String(status) }
      spread = this.#bridge.exposition.meter.spread('rollcall_http_request_seconds', labels)
      this.#spreads.set(status, spread)
    }
    return spread
  }

  #read(body: Buffer, lines: string[]): unknown {
    try {
      return scan(body) ?? this.#readJson(body)
    } catch (error) {
      // Fastify does not trust a connection on which this came.
      lines.push('connection', 'close')
      throw error
    }
  }
}

function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
      chunks.length = 0
      resolve(body)
    })
    request.on('error', cause => reject(new RollcallError('RC_BAD_REQUEST', undefined, { cause })))
  })
}

function answer(response: ServerResponse, status: number, lines: string[], body: object): void {
  const text = JSON.stringify(body)
  lines.push('content-type', JSON_TYPE, 'content-length', String(Buffer.byteLength(text)))
  // Node writes lines as they are; headers that are set one by one it keeps, and looks through again.
  response.writeHead(status, lines)
  response.end(text)
}
