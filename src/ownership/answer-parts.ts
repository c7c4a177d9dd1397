import { headers, type MsgHdrs } from '@nats-io/transport-node'
import { ERRORS, RollcallError } from '../errors.ts'

/** Headers that say which answer a message is a part of, and of how many parts; the last message has no payload. */
const [ANSWER, PARTS] = ['rollcall-answer', 'rollcall-parts']

interface Part {
  data: Uint8Array
  headers: MsgHdrs
}

/** An answer as messages of no more than `maxBytes` each, in their order. No other answer has its `id`. */
export function partsOf(answer: { value: unknown } | { error: RollcallError }, maxBytes: number, id: string): Part[] {
  const bytes = Buffer.from(JSON.stringify(answer))
  const count = Math.ceil(bytes.length / maxBytes)
  const head = headers()
  head.set(ANSWER, id)
  head.set(PARTS, String(count))
  const parts = Array.from({ length: count }, (_, n) => bytes.subarray(n * maxBytes, (n + 1) * maxBytes))
  return [...parts, new Uint8Array()].map(data => ({ data, headers: head }))
}

/** Puts answers together again: two owners may answer at once, a former one and the one of now. */
export class Parts {
  readonly #parts = new Map<string, Uint8Array[]>()
  #whole: Buffer | undefined

  add({ data, headers }: { data: Uint8Array; headers?: MsgHdrs }): void {
    const id = headers?.get(ANSWER) ?? ''
    const parts = this.#parts.get(id) ?? []
    this.#parts.set(id, parts)
    if (data.length > 0) parts.push(data)
    else if (parts.length === Number(headers?.get(PARTS))) this.#whole ??= Buffer.concat(parts)
  }

  /** The value that was answered; throws the error, if it is one, and RC_NO_OWNER if no answer is whole. */
  read(): unknown {
    if (!this.#whole) throw new RollcallError('RC_NO_OWNER')
    const { value, error } = JSON.parse(this.#whole.toString())
    if (error) throw new RollcallError(Object.hasOwn(ERRORS, error.code) ? error.code : 'RC_INTERNAL', error.message)
    return value
  }
}
