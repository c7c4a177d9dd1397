import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  PubHeaders,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from '@nats-io/jetstream'
import { headers, type MsgHdrs, nanos } from '@nats-io/transport-node'
import { isCode, RollcallError } from '../../errors.ts'
import type { Connection } from '../../nats/index.ts'
import { entryOf } from '../entries.ts'
import { fingerprintOf } from '../fingerprint.ts'
import type { Bounds, Entry, Seq } from '../index.ts'
import type { Changed, Recorded, Settings } from '../recorded.ts'

/** How long one request may take; it is repeated after that. */
export const REQUEST_MS = 2_000
/** A message that is sent again within this time is known by its id. */
const DUPLICATE_WINDOW_MS = 120_000
const NAME_IN_USE = 10058

export const streamOf = (partition: number): string => `ROLLCALL_${partition}`
export const subjectOf = (partition: number): string => `rollcall.log.${partition}`

/** The header by which a message is known for ours, whatever became of its bytes. */
const HEADER = 'Rollcall-Entry'

export const isMarked = (given: MsgHdrs | undefined): boolean => given?.has(HEADER) ?? false

/** The headers of a message, by whose id the server knows a repetition of it. */
export function headersOf(id: string): MsgHdrs {
  const made = headers()
  made.set(HEADER, '3')
  made.set(PubHeaders.MsgIdHdr, id)
  return made
}

export interface Wanted {
  partitions: number
  settings: Settings
}

/** The log as it was made. */
export interface Made extends Recorded {
  /** of each partition: all the same, but for a stream that was lost and made anew */
  incarnations: string[]
}

/** The metadata of a stream. */
export interface Label extends Wanted {
  incarnation: string
  /** every stream of the log was made */
  isWhole: boolean
  /** of the first stream: how the settings changed */
  changed: Changed | null
}

/** The streams of the log, one a partition. */
export class Streams {
  readonly manager: JetStreamManager
  readonly #connection: Connection

  private constructor(manager: JetStreamManager, connection: Connection) {
    this.manager = manager
    this.#connection = connection
  }

  static async open(connection: Connection): Promise<Streams> {
    return new Streams(await jetstreamManager(connection.nats, { checkAPI: false, timeout: REQUEST_MS }), connection)
  }

  /** Makes what is missing. The first stream says what the log was made with, also to whoever makes it at the same time. */
  async make(wanted: Wanted, replicas: number, deadline: number): Promise<Made> {
    const done = <T>(work: () => Promise<T>): Promise<T> => this.#connection.insist(work, deadline)
    const first = await done(() =>
      this.#find(0, { ...wanted, incarnation: this.#connection.time.id(), isWhole: false, changed: null }, replicas),
    )
    const incarnations = [first.incarnation]
    for (let p = 1; p < first.partitions; p++) {
      // A stream that is missing though all were made is made anew, with other seqs than the one before.
      const incarnation = first.isWhole ? this.#connection.time.id() : first.incarnation
      const label = { ...first, incarnation, changed: null }
      incarnations.push((await done(() => this.#find(p, label, replicas))).incarnation)
    }
    const whole = { metadata: metadataOf({ ...first, isWhole: true }) }
    if (!first.isWhole) await done(() => this.manager.streams.update(streamOf(0), whole))
    return { settings: first.settings, changed: first.changed, incarnations }
  }

  /** Notes at the first stream how the settings changed. */
  async change(changed: Changed, deadline: number): Promise<void> {
    const { label } = await this.peek(0, deadline)
    const metadata = metadataOf({ ...label, changed })
    await this.ask(0, name => this.manager.streams.update(name, { metadata }), deadline)
  }

  /** The label of the stream that is there, made with `label` if there was none. */
  async #find(partition: number, label: Label, replicas: number): Promise<Label> {
    const name = streamOf(partition)
    const { streams } = this.manager
    const find = async (): Promise<Label> => labelOf(await streams.info(name))
    try {
      return await find()
    } catch (error) {
      if (!isApi(error, JetStreamApiCodes.StreamNotFound)) throw error
    }
    try {
      return labelOf(await streams.add(configOf(partition, label, replicas)))
    } catch (error) {
      if (!isApi(error, NAME_IN_USE)) throw error
      return await find()
    }
  }

  /** Asks a partition's stream until it answers. RC_LOG_BEHIND if there is none any more. */
  async ask<T>(
    partition: number,
    work: (stream: string) => Promise<T>,
    deadline: number,
    signal?: AbortSignal,
  ): Promise<T> {
    const name = streamOf(partition)
    try {
      return await this.#connection.insist(() => work(name), deadline, signal)
    } catch (cause) {
      if (!isApi(cause, JetStreamApiCodes.StreamNotFound))
        throw new RollcallError('RC_LOG_UNAVAILABLE', undefined, { cause })
      throw new RollcallError('RC_LOG_BEHIND', `The stream ${name} is gone.`, { cause })
    }
  }

  /** As the stream is now. */
  async bounds(partition: number, deadline: number, signal?: AbortSignal): Promise<Bounds> {
    const { streams } = this.manager
    const info = await this.ask(partition, name => streams.info(name), deadline, signal)
    const { first_seq, last_seq } = info.state
    return { incarnation: labelOf(info).incarnation, first: Math.max(first_seq, 1), last: last_seq }
  }

  /** The mark of the entry that is held as `seq`; null if none is. */
  async mark(partition: number, seq: Seq, deadline: number, signal?: AbortSignal): Promise<string | null> {
    const entry = await this.entry(partition, seq, deadline, signal)
    return entry && fingerprintOf(entry)
  }

  /** The entry that is held as `seq`; null if none is. */
  async entry(partition: number, seq: Seq, deadline: number, signal?: AbortSignal): Promise<Entry | null> {
    const get = (name: string) => this.manager.streams.getMessage(name, { seq })
    // The server does not take 0 for a seq.
    const message = seq > 0 ? await this.ask(partition, get, deadline, signal) : null
    return message && entryOf(partition, seq, message.data, () => isMarked(message.header))
  }

  /** Reads the metadata of a partition's stream. */
  async peek(partition: number, deadline: number): Promise<{ label: Label; replicas: number }> {
    const info = await this.ask(partition, name => this.manager.streams.info(name), deadline)
    return { label: labelOf(info), replicas: info.config.num_replicas }
  }

  /** Deletes the stream and makes it anew, empty, with `first` as its next seq. Returns its incarnation. */
  async renew(partition: number, first: Seq, deadline: number): Promise<string> {
    const { label, replicas } = await this.peek(partition, deadline)
    const made = { ...label, incarnation: this.#connection.time.id() }
    const config = { ...configOf(partition, made, replicas), first_seq: first }
    await this.ask(partition, name => this.manager.streams.delete(name), deadline).catch(error => {
      // A delete whose answer was lost finds it gone when it is repeated.
      if (!isCode(error, 'RC_LOG_BEHIND')) throw error
    })
    // Asked again after an answer that was lost, the server finds it made as it should be.
    await this.ask(partition, () => this.manager.streams.add(config), deadline)
    return made.incarnation
  }

  /** Forgets the entries below `below`, never the last one. Returns how many went. */
  async trim(partition: number, below: Seq, deadline: number): Promise<number> {
    const { first, last } = await this.bounds(partition, deadline)
    const seq = Math.min(below, last)
    // The server takes a seq of 0 for "all".
    if (seq <= first) return 0
    const { purged } = await this.ask(partition, name => this.manager.streams.purge(name, { seq }), deadline)
    return purged
  }
}

const configOf = (partition: number, label: Label, replicas: number) => ({
  ...{ name: streamOf(partition), subjects: [subjectOf(partition)] },
  ...{ metadata: metadataOf(label), num_replicas: replicas },
  ...{ storage: StorageType.File, retention: RetentionPolicy.Limits, duplicate_window: nanos(DUPLICATE_WINDOW_MS) },
  // Seqs stay dense: entries leave by a purge from the front alone.
  ...{ allow_direct: true, deny_delete: true },
})

const metadataOf = ({ incarnation, partitions, settings, isWhole, changed }: Label): Record<string, string> => ({
  ...{ incarnation, partitions: String(partitions), settings: JSON.stringify(settings), whole: String(isWhole) },
  ...(changed && { changed: JSON.stringify(changed) }),
})

function labelOf({ config: { name, metadata = {} } }: StreamInfo): Label {
  const { incarnation, partitions, settings, whole, changed } = metadata
  if (incarnation === undefined || settings === undefined) {
    throw new RollcallError('RC_CONFIG_INVALID', `The stream ${name} was not made by Rollcall.`)
  }
  return {
    ...{ incarnation, partitions: Number(partitions), settings: JSON.parse(settings), isWhole: whole === 'true' },
    changed: changed === undefined ? null : JSON.parse(changed),
  }
}

const isApi = (error: unknown, code: number): boolean => error instanceof JetStreamApiError && error.code === code
