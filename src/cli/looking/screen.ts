/** A screen on a terminal that is drawn anew in place, without flicker, and put back as it was. */
import { constants } from 'node:os'
import type { ReadStream, WriteStream } from 'node:tty'
import { plain } from '../../observe/plain.ts'

/** Lines do not wrap meanwhile: how many columns a character takes is known to the terminal alone. */
const TAKE = '\u001B[?1049h\u001B[?25l\u001B[?7l'
const PUT_BACK = '\u001B[?7h\u001B[?25h\u001B[?1049l'
const [HOME, CLEAR_LINE, CLEAR_BELOW] = ['\u001B[H', '\u001B[K', '\u001B[J']
const CTRL_C = '\u0003'
const ENDS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** `ended` aborts when q or Ctrl-C was pressed; a signal that ends the process puts the terminal back before. */
export class Screen {
  readonly #out: WriteStream
  readonly #in: ReadStream
  readonly #end = new AbortController()

  constructor(out: WriteStream, keys: ReadStream) {
    this.#out = out
    this.#in = keys
    for (const signal of ENDS) process.once(signal, this.#left)
    process.once('exit', this.close)
    out.write(TAKE)
    if (!keys.isTTY) return
    keys.setRawMode(true)
    keys.setEncoding('utf8').on('data', this.#pressed).resume()
  }

  readonly #pressed = (text: unknown): void => {
    if (String(text).includes('q') || String(text).includes(CTRL_C)) this.#end.abort()
  }

  readonly #left = (signal: (typeof ENDS)[number]): void => {
    this.close()
    process.exit(128 + constants.signals[signal])
  }

  get ended(): AbortSignal {
    return this.#end.signal
  }

  get size(): { columns: number; rows: number } {
    return { columns: this.#out.columns || 80, rows: this.#out.rows || 24 }
  }

  /** Writes all lines at once, each over what stood there; what does not fit is cut off. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.size
    // Lines are cleared before they are written: after a full one the cursor stands on its last character.
    const fitting = lines.slice(0, rows).map(line => CLEAR_LINE + [...plain(line)].slice(0, columns).join(''))
    this.#out.write(HOME + fitting.join('\r\n') + (fitting.length < rows ? `\r\n${CLEAR_BELOW}` : ''))
  }

  readonly close = (): void => {
    this.#end.abort()
    process.off('exit', this.close)
    for (const signal of ENDS) process.off(signal, this.#left)
    this.#in.off('data', this.#pressed)
    if (this.#in.isTTY) this.#in.setRawMode(false).pause()
    this.#out.write(PUT_BACK)
  }
}
