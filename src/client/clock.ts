/** The server's clock as far as its answers tell: a device whose own is wrong by hours says when things were all the same. */
export class ServerClock {
  readonly #now: () => number
  readonly #ask: () => Promise<Response>
  /** ms by which the server's clock is ahead of the device's */
  #ahead = 0
  #isKnown = false
  #asking: Promise<void> | undefined

  constructor(now: () => number, ask: () => Promise<Response>) {
    this.#now = now
    this.#ask = ask
  }

  /** False until a server has answered: what is sent before may get a wrong time. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  /** Resolves when the clock is known, or the server gives no answer. */
  learn(): Promise<void> {
    if (this.#isKnown) return Promise.resolve()
    this.#asking ??= this.#learn().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #learn(): Promise<void> {
    const sent = this.#now()
    try {
      this.read(await this.#ask(), sent)
    } catch {
      // A server cannot be reached; the next request asks again.
    }
  }

  /** An answer to what was sent at `sent`. Its time was read between then and now, which alone corrects nothing. */
  read({ headers, ok }: Response, sent: number): void {
    const time = Number(headers.get('rollcall-time') ?? Number.NaN)
    this.#isKnown ||= ok || time > 0
    const [least, most] = [time - this.#now(), time - sent]
    const isWrong = this.#ahead < least || this.#ahead > most
    if (least <= most && isWrong) this.#ahead = Math.round((least + most) / 2)
  }

  /** The server's time of a moment of the device's. */
  stamp(local: number): number {
    return Math.round(local + this.#ahead)
  }
}
