/** A screen on a terminal that is drawn anew in place, without flicker, and put back as it was. */
import type { ReadStream, WriteStream } from 'node:tty'
import { plain } from '../../observe/plain.ts'

const [ALTERNATE, NORMAL] = ['\u001B[?1049h\u001B[?25l', '\u001B[?25h\u001B[?1049l']
const [HOME, CLEAR_LINE, CLEAR_BELOW] = ['\u001B[H', '\u001B[K', '\u001B[J']
const CTRL_C = '\u0003'

/** Resolves when q or Ctrl-C was pressed, or the signal aborts; `draw` is given the size of the window. */
export class Screen {
  readonly ended: Promise<void>
  readonly #out: WriteStream
  readonly #in: ReadStream
  readonly #end: () => void

  constructor(out: WriteStream, keys: ReadStream) {
    this.#out = out
    this.#in = keys
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#end = resolve
    out.write(ALTERNATE)
    if (!keys.isTTY) return
    keys.setRawMode(true)
    keys.setEncoding('utf8').on('data', this.#pressed).resume()
  }

  readonly #pressed = (text: unknown): void => {
    if (String(text).includes('q') || String(text).includes(CTRL_C)) this.#end()
  }

  get size(): { columns: number; rows: number } {
    return { columns: this.#out.columns || 80, rows: this.#out.rows || 24 }
  }

  /** Writes all lines at once, each over what stood there; what does not fit is cut off. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.size
    const fitting = lines.slice(0, rows).map(line => [...plain(line)].slice(0, columns).join('') + CLEAR_LINE)
    this.#out.write(HOME + fitting.join('\r\n') + CLEAR_BELOW)
  }

  close(): void {
    this.#end()
    this.#in.off('data', this.#pressed)
    if (this.#in.isTTY) this.#in.setRawMode(false).pause()
    this.#out.write(NORMAL)
  }
}
