import { type Cancel, type Time, within } from '../time.ts'
import type { Reading } from './meter.ts'
import { type ServerName, silentServer } from './silence.ts'

/** A server that gives this process no answer. */
export interface Away {
  server: ServerName
  /** ms since the epoch */
  since: number
}

/** Asks a server whether it is there; rejects, or gives no answer, if it is not. */
export type Probe = () => Promise<unknown>

/** A line of the log: what it is about, and its words. */
type Tell = (about: object, words: string) => void

export interface ServersOptions {
  logger: { info: Tell; error: Tell; debug: Tell }
  time: Time
}

const ASK_MS = 1_000
const SILENT_MS = 2_000
/** Work that began while a server was away may fail for so long after it is back. */
const AFTERMATH_MS = 15_000
/** Faults kept until it is known whether their server is away; of more, only how many. */
const MOST_HELD = 100

/** The step whose fault ends something, and is told once: nothing comes after it. */
const LAST_WORD = 'partition'

/** A server as it was found. */
class Watched {
  readonly probe: Probe
  /** ms, monotonic; undefined: it is there */
  awaySince: number | undefined
  /** ms, monotonic: until then a fault may stem from its being away */
  aftermathUntil = Number.NEGATIVE_INFINITY
  /** faults that stemmed from its being away, and of which no line has told yet */
  faults = 0
  /** told if it turns out to be there */
  held: (() => void)[] = []
  unheld = 0
  asking: Promise<void> | undefined

  constructor(probe: Probe) {
    this.probe = probe
  }
}

/**
 * Watches the servers of this process. One that goes away is a line, and one when it is back after how long; the faults
 * that tell of its silence meanwhile are counted there, and told one by one at the level `debug` alone. Those that come
 * soon after are counted in a line of their own. What a server answers is always told.
 */
export class Servers {
  readonly #options: ServersOptions
  readonly #watched = new Map<ServerName, Watched>()

  constructor(options: ServersOptions) {
    this.#options = options
  }

  /** Asks these now and each second, until that is ended. */
  watch(probes: ReadonlyMap<ServerName, Probe>): Cancel {
    for (const [server, probe] of probes) this.#watched.set(server, new Watched(probe))
    const look = (): void => {
      for (const [server, watched] of this.#watched) this.#ask(server, watched)
    }
    look()
    const cancel = this.#options.time.every(ASK_MS, look)
    return () => {
      cancel()
      for (const [server, watched] of this.#watched) {
        this.#release(watched)
        this.#tellRest(server, watched)
      }
      this.#watched.clear()
    }
  }

  /** Of those that are configured, whether they answer. */
  get readings(): Reading[] {
    return [...this.#watched].map(([server, { awaySince }]) => ({
      ...{ name: 'rollcall_server_up', labels: { server }, value: awaySince === undefined ? 1 : 0 },
    }))
  }

  /** Those that give no answer, and since when. */
  get away(): Away[] {
    const { time } = this.#options
    return [...this.#watched].flatMap(([server, { awaySince }]) =>
      awaySince === undefined ? [] : [{ server, since: Math.round(time.now() - (time.monotonic() - awaySince)) }],
    )
  }

  /** Tells the fault, unless it is the silence of a server that is away: that is asked first. */
  fault(
    error: unknown,
    about: { step?: string; [fact: string]: unknown },
    words: string,
    server = silentServer(error),
  ): void {
    const { logger, time } = this.#options
    const watched = server && about.step !== LAST_WORD && this.#watched.get(server)
    if (!watched) {
      logger.error(about, words)
    } else if (watched.awaySince !== undefined || time.monotonic() < watched.aftermathUntil) {
      watched.faults++
      logger.debug({ server, ...about }, words)
    } else {
      if (watched.held.length < MOST_HELD) watched.held.push(() => logger.error(about, words))
      else watched.unheld++
      this.#ask(server, watched)
    }
  }

  #ask(server: ServerName, watched: Watched): void {
    watched.asking ??= this.#look(server, watched).finally(() => {
      watched.asking = undefined
    })
  }

  async #look(server: ServerName, watched: Watched): Promise<void> {
    const { time } = this.#options
    const began = time.monotonic()
    let answered = false
    const asked = (async () => watched.probe())().then(() => {
      answered = true
    })
    let why = 'it was silent'
    await within(time, SILENT_MS, asked, () => new Error(why)).catch(({ message }) => {
      why = message
    })
    // A process that was held up itself finds the answer behind the timer.
    if (!answered) await time.turn()
    if (this.#watched.get(server) !== watched) return
    if (!answered) this.#away(server, watched, began, why)
    else if (watched.awaySince === undefined) {
      this.#release(watched)
      if (time.monotonic() >= watched.aftermathUntil) this.#tellRest(server, watched)
    } else this.#back(server, watched, watched.awaySince)
  }

  #away(server: ServerName, watched: Watched, since: number, why: string): void {
    watched.faults += watched.held.length + watched.unheld
    watched.held = []
    watched.unheld = 0
    if (watched.awaySince !== undefined) return
    watched.awaySince = since
    this.#options.logger.error({ server, why }, `${server} is away`)
  }

  #back(server: ServerName, watched: Watched, since: number): void {
    const { logger, time } = this.#options
    const awayMs = Math.round(time.monotonic() - since)
    const { faults } = watched
    Object.assign(watched, { awaySince: undefined, faults: 0, aftermathUntil: time.monotonic() + AFTERMATH_MS })
    logger.info({ server, awayMs, faults }, `${server} is back after ${(awayMs / 1_000).toFixed(1)} s`)
  }

  /** Tells how many faults came behind the line that counted those before. */
  #tellRest(server: ServerName, watched: Watched): void {
    const { faults } = watched
    watched.faults = 0
    if (faults > 0) this.#options.logger.info({ server, faults }, `more faults stemmed from ${server} being away`)
  }

  /** Tells what stems from something else than a server that is away. */
  #release(watched: Watched): void {
    const { held, unheld } = watched
    watched.held = []
    watched.unheld = 0
    for (const tell of held) tell()
    if (unheld > 0) this.#options.logger.error({ count: unheld }, 'more such faults')
  }
}
