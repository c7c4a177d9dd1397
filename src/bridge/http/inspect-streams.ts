import { KINDS } from '../../../actors/kinds.ts'
import { RollcallError } from '../../errors.ts'
import { partitionOf } from '../../log/partition-of.ts'
import { isPassing } from '../../ownership/passing.ts'
import type { Watched } from '../../shard/index.ts'
import type { Caller } from '../callers.ts'
import type { Bridge } from '../index.ts'

/** Streams of frames that a process sends at once, and those of one caller. */
const MOST_STREAMS = 64
const MOST_OF_CALLER = 16
/** A question waits no longer for frames; who reads them hears something as often. */
const ASK_MS = 10_000
const AGAIN_MS = 500

/** Throws RC_NOT_FOUND. */
export function mustBeKind(name: string): void {
  if (!KINDS.some(({ kind }) => kind === name)) throw new RollcallError('RC_NOT_FOUND', `There is no kind ${name}.`)
}

/** The streams of frames of a process; each is of an actor that it has watched. */
export class Streams {
  readonly #bridge: Bridge
  readonly #ofCaller = new Map<string, number>()
  #all = 0

  constructor(bridge: Bridge) {
    this.#bridge = bridge
  }

  /** Makes room for a stream, until it is given back. RC_NOT_FOUND, RC_TOO_MANY_WATCHED. */
  take({ subject }: Caller, kind: string): () => void {
    mustBeKind(kind)
    const name = subject ?? ''
    const own = this.#ofCaller.get(name) ?? 0
    // Without authentication all are one caller.
    const isFull = this.#all >= MOST_STREAMS || (this.#bridge.callers !== null && own >= MOST_OF_CALLER)
    if (isFull) throw new RollcallError('RC_TOO_MANY_WATCHED', 'No more streams of frames are sent at once.')
    this.#all++
    this.#ofCaller.set(name, own + 1)
    return () => {
      this.#all--
      const left = this.#ofCaller.get(name)! - 1
      if (left > 0) this.#ofCaller.set(name, left)
      else this.#ofCaller.delete(name)
    }
  }

  /**
   * The answers about an actor, from the first one on, in which there is nothing yet; every 10 s at least. Nothing is
   * asked for before the reader is ready for it: it is the owner that keeps what waits, as much as fits. Other owners
   * and threads may follow; RC_TOO_MANY_WATCHED, or whatever else does not pass, ends it.
   */
  async *of(kind: string, key: string, signal: AbortSignal): AsyncGenerator<Watched> {
    const { directory, settings, time } = this.#bridge
    const partition = partitionOf(key, settings.partitions)
    let after: string | null = null
    while (!signal.aborted) {
      try {
        const watched: Watched = await directory.owner.watch(partition, kind, key, after, ASK_MS)
        after = watched.next
        yield watched
      } catch (error) {
        if (after === null || !isPassing(error)) throw error
        await time.sleep(AGAIN_MS, signal)
      }
    }
  }
}
