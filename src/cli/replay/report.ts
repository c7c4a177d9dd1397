/** The running numbers of a replay, and the first of the lines that could not be used. */
import { KINDS, type Kind } from './pages.ts'

export interface BadLine {
  file: string
  line: number
  reason: string
}

const LISTED_BAD_LINES = 20
const FORMATS =
  'the Combined or the Common Log Format (203.0.113.7 - - [31/Aug/2014:06:25:02 +0200] "GET / HTTP/1.1" 200 152 …), ' +
  'NDJSON with a web event a line ({"sessionId":…,"ts":…,"page":…})'

export class Report {
  /** of the files as they are stored */
  bytes = 0
  /** handed to the server, once each */
  events = 0
  accepted = 0
  badLines = 0
  /** hits that are no visits of pages, where only these are wanted */
  readonly leftOut = Object.fromEntries(KINDS.map(kind => [kind, 0])) as Record<Kind, number>
  /** what could not be read to its end, and why */
  readonly unreadable: string[] = []
  /** of each file with lines whether any of them could be used */
  readonly #used = new Map<string, boolean>()
  readonly #warn: (text: string) => void

  constructor(warn: (text: string) => void) {
    this.#warn = warn
  }

  bad({ file, line, reason }: BadLine): void {
    this.badLines += 1
    if (!this.#used.has(file)) this.#used.set(file, false)
    if (this.badLines <= LISTED_BAD_LINES) this.#warn(`${file}:${line}: ${reason}`)
  }

  /** Hears of a line that could be used. */
  used(file: string): void {
    this.#used.set(file, true)
  }

  leave(file: string, kind: Kind): void {
    this.leftOut[kind] += 1
    this.used(file)
  }

  unread(file: string, error: Error): void {
    this.unreadable.push(file)
    this.#warn(`${file}: cannot be read to its end: ${error.message}`)
  }

  /** Files with lines of which none could be used. */
  get unusable(): string[] {
    return [...this.#used].filter(([, isUsed]) => !isUsed).map(([file]) => file)
  }

  /** Says how many bad lines there were beyond those listed, and which files are of no use. */
  end(): void {
    const unlisted = this.badLines - LISTED_BAD_LINES
    if (unlisted > 0) this.#warn(`… and ${unlisted} more lines that could not be used`)
    for (const file of this.unusable) this.#warn(`${file}: no line could be used; replay reads ${FORMATS}`)
  }
}
