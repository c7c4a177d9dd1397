/** The running numbers of a replay, and the first of the lines that could not be used. */
import type { BadLine } from './web-events.ts'

const LISTED_BAD_LINES = 20

export class Report {
  /** of the files as they are stored */
  bytes = 0
  /** handed to the server, once each */
  events = 0
  accepted = 0
  badLines = 0
  /** what could not be read to its end, and why */
  readonly unreadable: string[] = []
  readonly #warn: (text: string) => void

  constructor(warn: (text: string) => void) {
    this.#warn = warn
  }

  bad({ file, line, reason }: BadLine): void {
    this.badLines += 1
    if (this.badLines <= LISTED_BAD_LINES) this.#warn(`${file}:${line}: ${reason}`)
  }

  unread(file: string, error: Error): void {
    this.unreadable.push(file)
    this.#warn(`${file}: cannot be read to its end: ${error.message}`)
  }

  /** Says how many bad lines there were beyond those listed. */
  end(): void {
    const unlisted = this.badLines - LISTED_BAD_LINES
    if (unlisted > 0) this.#warn(`… and ${unlisted} more lines that could not be used`)
  }
}
