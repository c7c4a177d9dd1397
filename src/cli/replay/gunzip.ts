/** Gzip files of one or several members, unpacked up to the very byte where they break. */
import { createGunzip } from 'node:zlib'
import { RollcallError } from '../../errors.ts'

/** Bytes handed over at once, so that a thousand times as many still fit in memory. */
const STEP_BYTES = 16_384

/**
 * Unpacks step by step. zlib withholds what it unpacked in a step that fails, so a step is tried first by an unpacker
 * that runs ahead; where that fails, the one behind takes the step byte by byte and gives everything before the fault.
 */
export async function* gunzip(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const [ahead, behind] = [new Unpacker(), new Unpacker()]
  try {
    for await (const chunk of chunks) {
      for (const step of pieces(chunk, STEP_BYTES)) {
        for (const bytes of (await ahead.survives(step)) ? [step] : pieces(step, 1)) yield* await behind.unpack(bytes)
      }
    }
    yield* await behind.end()
  } finally {
    ahead.close()
    behind.close()
  }
}

/** True of faults behind a member that is whole, such as stray bytes at the end of the file. */
export const isBehindMember = (error: unknown): boolean =>
  error instanceof Error && (error instanceof StrayBytes || error.message === 'incorrect header check')

class StrayBytes extends RollcallError {
  constructor() {
    super('RC_INVALID_INPUT', 'more than zeros follow its padding')
  }
}

class Unpacker {
  readonly #zlib = createGunzip()
  #parts: Buffer[] = []
  #isPadded = false

  constructor() {
    this.#zlib.on('readable', () => this.#collect())
  }

  async unpack(bytes: Buffer): Promise<Buffer[]> {
    const before = this.#zlib.bytesWritten
    if (!this.#isPadded) await this.#done(done => this.#zlib.write(bytes, error => !error && done()))
    // zlib leaves alone what it does not take for another member: zeros, and all behind them.
    const rest = bytes.subarray(this.#zlib.bytesWritten - before)
    if (rest.length > 0) this.#isPadded = true
    if (rest.some(byte => byte !== 0)) throw new StrayBytes()
    return this.#collected()
  }

  /** False where unpacking fails, and then this unpacker is of no more use. */
  survives(bytes: Buffer): Promise<boolean> {
    return this.unpack(bytes).then(
      () => true,
      () => false,
    )
  }

  /** Fails where a member is not whole. */
  async end(): Promise<Buffer[]> {
    if (!this.#isPadded) await this.#done(done => this.#zlib.once('end', done).end())
    return this.#collected()
  }

  close(): void {
    this.#zlib.destroy()
  }

  #done(begin: (done: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#zlib.once('error', reject)
      begin(() => {
        this.#zlib.off('error', reject)
        resolve()
      })
    })
  }

  #collect(): void {
    for (let part = this.#zlib.read(); part !== null; part = this.#zlib.read()) this.#parts.push(part as Buffer)
  }

  #collected(): Buffer[] {
    this.#collect()
    const parts = this.#parts
    this.#parts = []
    return parts
  }
}

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}
