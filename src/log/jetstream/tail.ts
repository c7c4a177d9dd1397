import { isCode, RollcallError } from '../../errors.ts'
import type { Connection } from '../../nats/index.ts'
import { retry } from '../../retry.ts'
import type { Time } from '../../time.ts'
import type { Bounds, Seq } from '../index.ts'
import type { HighWater } from './high-water.ts'
import type { Streams } from './streams.ts'

/** So long a replica that has just become the leader may not know its last entries. */
const LAG_MS = 3_000
const LOOK_MS = 100

interface Tail {
  time: Time
  streams: Streams
  partition: number
  /** the log it must be; another one has other seqs */
  incarnation: string
  /** it must hold entries up to here */
  last: Seq
  deadline: number
  signal?: AbortSignal
}

/** The bounds of a stream that holds all it must; RC_LOG_BEHIND if it is another one, or ends before. */
export function boundsWithTail({ time, streams, partition, incarnation, last, ...rest }: Tail): Promise<Bounds> {
  const { deadline, signal } = rest
  const text = `Partition ${partition}: the stream is not the one of which ${last} entries were seen.`
  const behind = new RollcallError('RC_LOG_BEHIND', text)
  let isSame = true
  const look = async (): Promise<Bounds> => {
    const bounds = await streams.bounds(partition, deadline, signal)
    isSame = bounds.incarnation === incarnation
    if (!isSame || bounds.last < last) throw behind
    return bounds
  }
  const isFinal = (error: unknown): boolean => error !== behind || !isSame
  return retry(look, { pauses: [LOOK_MS], patienceMs: LAG_MS }, { time, isFinal, signal })
}

interface TailsOptions {
  connection: Connection
  streams: Streams
  highWater: HighWater
  /** of each partition */
  incarnations: string[]
  /** whether the partition's checkpoint is of this log */
  goesOnWith(partition: number, incarnation: string): Promise<boolean>
}

/**
 * Sees to it that nothing is appended to a stream that lost its tail: its seqs would be those of entries that were
 * applied, and it would be passed over. A server that comes back may hold less than before it went.
 */
export class Tails {
  readonly #options: TailsOptions
  /** by partition: the connection, by how many broke before it, on which the stream was looked at */
  readonly #checked = new Map<number, number>()
  readonly #lost = new Map<number, RollcallError>()

  constructor(options: TailsOptions) {
    this.#options = options
  }

  /** Does `publish` on a connection on which the stream was found whole. RC_LOG_BEHIND, from then on, if it is not. */
  async append(partition: number, publish: () => Promise<Seq>, deadline: number, signal: AbortSignal): Promise<Seq> {
    const { connection, highWater } = this.#options
    const before = highWater.of(partition)
    for (;;) {
      const breaks = await this.#check(partition, deadline, signal)
      const work = async () => (connection.breaks === breaks ? publish() : undefined)
      const seq = await connection.insist(work, deadline, signal)
      if (seq === undefined) continue
      // Without a break it is another stream of the same name.
      if (seq <= before) throw this.#lose(partition, before)
      highWater.raise(partition, seq)
      return seq
    }
  }

  async #check(partition: number, deadline: number, signal: AbortSignal): Promise<number> {
    const { connection, streams, highWater, incarnations } = this.#options
    const lost = this.#lost.get(partition)
    if (lost) throw lost
    const { breaks } = connection
    if (this.#checked.get(partition) === breaks) return breaks
    const [last, incarnation] = [highWater.of(partition), incarnations[partition]!]
    try {
      await boundsWithTail({ time: connection.time, streams, partition, incarnation, last, deadline, signal })
    } catch (error) {
      if (!isCode(error, 'RC_LOG_BEHIND')) throw error
      if (!(await this.#isBegunAnew(partition, deadline, signal, error as RollcallError))) throw error
      return this.#check(partition, deadline, signal)
    }
    this.#checked.set(partition, breaks)
    return breaks
  }

  /** By the owner, since this process opened the log: then what is appended now is applied. If not, it is lost. */
  async #isBegunAnew(partition: number, deadline: number, signal: AbortSignal, loss: RollcallError): Promise<boolean> {
    const { streams, incarnations, goesOnWith } = this.#options
    const { incarnation, last } = await streams.bounds(partition, deadline, signal)
    if (incarnation === incarnations[partition]) this.#lost.set(partition, loss)
    else if (await goesOnWith(partition, incarnation)) {
      incarnations[partition] = incarnation
      this.renewed(partition, last)
      return true
    }
    return false
  }

  #lose(partition: number, last: Seq): RollcallError {
    const text = `Partition ${partition}: the stream takes seqs that were given before, up to ${last}.`
    const error = new RollcallError('RC_LOG_BEHIND', text)
    this.#lost.set(partition, error)
    return error
  }

  /** The partition is another stream now, which ends with `last`. */
  renewed(partition: number, last: Seq): void {
    this.#options.highWater.reset(partition, last)
    this.#checked.delete(partition)
    this.#lost.delete(partition)
  }
}
