/** Frames that are kept of one watch; whoever is further behind is told how many it lost. */
const MOST_FRAMES = 500
const MOST_CHARACTERS = 2_097_152
/** An answer has no more, unless a single frame is longer. */
const ANSWER_FRAMES = 100
const ANSWER_CHARACTERS = 524_288

/** The last frames of a watch, as JSON. */
export class Ring {
  #texts: string[] = []
  #characters = 0
  /** the number of the newest, and of the newest that is gone */
  #last = 0
  #gone = 0

  get last(): number {
    return this.#last
  }

  /** Takes a frame, which is given its number: one above the last. */
  add(textOf: (n: number) => string): void {
    const text = textOf(this.#last + 1)
    this.#last++
    this.#texts.push(text)
    this.#characters += text.length
    while (this.#texts.length > MOST_FRAMES || (this.#characters > MOST_CHARACTERS && this.#texts.length > 1)) {
      this.#characters -= this.#texts.shift()!.length
      this.#gone++
    }
  }

  /** The frames after the one of this number, as many as an answer has, and how many of them are gone. */
  after(n: number): { texts: string[]; lost: number; last: number } {
    const lost = Math.max(0, this.#gone - n)
    const texts: string[] = []
    let characters = 0
    for (let at = n + lost - this.#gone; at < this.#texts.length && texts.length < ANSWER_FRAMES; at++) {
      characters += this.#texts[at]!.length
      if (texts.length > 0 && characters > ANSWER_CHARACTERS) break
      texts.push(this.#texts[at]!)
    }
    return { texts, lost, last: n + lost + texts.length }
  }
}
