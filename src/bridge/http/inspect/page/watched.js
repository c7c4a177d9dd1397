import { ask, pathOf, pause, stream } from './ask.js'

const AGAIN_MS = 1_000
const FACTS_MS = 3_000
const SOON_MS = 150
const STEPS = 500

/**
 * An actor as the server tells it, until the signal: its frames as they come, its past once the frames are attached,
 * and the facts that no frame tells, now and then.
 */
export class Watched {
  #path
  #signal
  #hear
  #soon
  #isNobody = false

  /** `hear`: `facts(actor)`, `frame(frame)`, `lost(frames)`, `past(past)`, `trouble(error)`, `connected(whether)`. */
  constructor(kind, key, signal, hear) {
    this.#path = pathOf(kind, key)
    this.#signal = signal
    this.#hear = hear
    signal.addEventListener('abort', () => clearTimeout(this.#soon))
  }

  async follow() {
    void this.#keepFacts()
    while (!this.#signal.aborted) {
      try {
        for await (const { event, data } of stream(`${this.#path}/live`, this.#signal, () => void this.#attached())) {
          if (event === 'lost') this.#hear.lost(data.frames)
          if (event !== 'frame') continue
          this.#hear.frame(data)
          this.#askSoon()
        }
      } catch (error) {
        if (this.#signal.aborted) return
        this.#hear.trouble(error)
        if (error.status === 401 || error.status === 403) return
      }
      this.#hear.connected(false)
      await pause(AGAIN_MS, this.#signal)
    }
  }

  /** Asks the log for the last steps once more. */
  async recall() {
    try {
      this.#hear.past(await ask(`${this.#path}/past?limit=${STEPS}`, this.#signal))
    } catch (error) {
      if (!this.#signal.aborted)
        this.#hear.past({ refused: error.message, before: null, steps: [], since: null, reason: null })
    }
  }

  /** Whatever came while nothing was attached is in the log; an actor without an event has no past. */
  async #attached() {
    this.#hear.connected(true)
    if (await this.facts()) await this.recall()
  }

  /** False: there are none yet. */
  async facts() {
    try {
      this.#hear.facts(await ask(this.#path, this.#signal))
      return true
    } catch (error) {
      if (!this.#signal.aborted) this.#hear.trouble(error)
      this.#isNobody = error.status === 404
      return false
    }
  }

  async #keepFacts() {
    for (;;) {
      await pause(FACTS_MS, this.#signal)
      if (this.#signal.aborted) return
      // The first frame says that it is somebody.
      if (document.visibilityState === 'visible' && !this.#isNobody) await this.facts()
    }
  }

  /** Frames may come fast, and effects are performed a moment after them. */
  #askSoon() {
    this.#soon ??= setTimeout(async () => {
      this.#soon = undefined
      const wasNobody = this.#isNobody
      this.#isNobody = false
      if ((await this.facts()) && wasNobody) await this.recall()
    }, SOON_MS)
  }
}
