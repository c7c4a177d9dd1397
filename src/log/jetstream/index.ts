import { JetStreamApiError } from '@nats-io/jetstream'
import { RollcallError } from '../../errors.ts'
import { type Address, type Connection, openConnection } from '../../nats/index.ts'
import type { Meter } from '../../observe/meter.ts'
import { atMost, systemTime, type Time } from '../../time.ts'
import { Batches, type Outgoing } from '../batches.ts'
import type { EventLog, Seq } from '../index.ts'
import type { Changed, Recorded, Settings } from '../recorded.ts'
import { HighWater, roomForHighWater } from './high-water.ts'
import { Publisher } from './publisher.ts'
import { readStream } from './reader.ts'
import { type Made, Streams, type Wanted } from './streams.ts'
import { Tails } from './tail.ts'

const MESSAGE_BYTES = 900_000
/** Headers of a message take less of its room. */
const HEADER_BYTES = 1_024
/** Appends under way at the end may take so long. */
const LAST_APPENDS_MS = 500

export interface JetStreamOptions extends Address {
  partitions: number
  /** recorded if this makes the log */
  settings: Settings
  /** copies of each stream; more than one needs a cluster */
  replicas?: number
  /** how long there may be no answer at the start */
  patienceMs?: number
  /** how long an append is tried; much less than the two minutes for which the server knows a message again */
  deadlineMs?: number
  time?: Time
  meter?: Meter | undefined
  /** see `HighWater`; shared by the threads of the process, where several have the log open */
  highWater?: SharedArrayBuffer | undefined
  /** Says if the partition's checkpoint is of this log; by default none is of another than the one that was opened. */
  goesOnWith?(partition: number, incarnation: string): Promise<boolean>
}

export interface JetStreamLog extends EventLog, Recorded {
  /** Notes how the settings changed. */
  change(changed: Changed): Promise<void>
  /** Why nothing is taken just now; null if it is. */
  failing(): RollcallError | null
  /** the version of the server */
  readonly version: string
  /** Makes the partition anew, empty, of another incarnation, with `first` as its next seq. */
  renew(partition: number, first: Seq): Promise<void>
}

/** The log in NATS JetStream; every process and every thread that needs it opens it for itself. */
export async function openJetStreamLog(options: JetStreamOptions): Promise<JetStreamLog> {
  const { partitions, settings, replicas = 1, patienceMs = 5_000, deadlineMs = 10_000, time = systemTime } = options
  const patience = time.monotonic() + patienceMs
  const connection = await openConnection(options, patienceMs, time)
  const wanted = { partitions, settings }
  const { streams, made } = await opened(connection, wanted, replicas, patience).catch(async error => {
    await connection.close()
    throw error
  })
  const { version } = connection
  const publisher = new Publisher(connection)
  const [closing, givingUp] = [new AbortController(), new AbortController()]
  const deadline = (): number => time.monotonic() + deadlineMs
  const { incarnations } = made
  const highWater = new HighWater(options.highWater ?? roomForHighWater(incarnations.length))
  const { goesOnWith = async () => false } = options
  const tails = new Tails({ connection, streams, highWater, incarnations, goesOnWith })
  const publish = (batch: Outgoing): Promise<Seq> =>
    tails.append(batch.partition, () => publisher.publish(batch), batch.deadline, givingUp.signal)
  const batches = new Batches({
    ...{ time, partitions: incarnations.length, isJoint: false, hasRows: false, deadlineMs, meter: options.meter },
    maxBytes: Math.min(MESSAGE_BYTES, connection.maxPayload - HEADER_BYTES),
    send: outgoing => Promise.all(outgoing.map(publish)),
  })
  let { changed } = made
  return {
    settings: made.settings,
    get changed() {
      return changed
    },
    async change(next) {
      await streams.change(next, deadline())
      changed = next
    },
    version,
    append: (partition, events) => batches.append(partition, events),
    failing: () =>
      connection.isUp ? batches.failing : new RollcallError('RC_LOG_UNAVAILABLE', 'NATS gives no answer.'),
    read(partition, after, signal) {
      const both = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal
      const incarnation = incarnations[partition]!
      return readStream({ connection, streams, partition, after, incarnation, highWater, signal: both })
    },
    async bounds(partition) {
      const bounds = await streams.bounds(partition, deadline()).catch(unavailable)
      if (bounds.incarnation === incarnations[partition]) highWater.raise(partition, bounds.last)
      return bounds
    },
    mark: (partition, seq) => streams.mark(partition, seq, deadline()),
    trim: (partition, below) => streams.trim(partition, below, deadline()),
    async renew(partition, first) {
      incarnations[partition] = await streams.renew(partition, first, deadline())
      tails.renewed(partition, first - 1)
    },
    async close() {
      closing.abort()
      await atMost(time, LAST_APPENDS_MS, batches.close())
      givingUp.abort()
      await batches.close()
      publisher.close()
      await connection.close()
    },
  }
}

function unavailable(cause: unknown): never {
  throw cause instanceof RollcallError ? cause : new RollcallError('RC_LOG_UNAVAILABLE', undefined, { cause })
}

async function opened(
  connection: Connection,
  wanted: Wanted,
  replicas: number,
  deadline: number,
): Promise<{ streams: Streams; made: Made }> {
  try {
    const streams = await Streams.open(connection)
    return { streams, made: await streams.make(wanted, replicas, deadline) }
  } catch (cause) {
    if (cause instanceof RollcallError) throw cause
    if (cause instanceof JetStreamApiError) {
      throw new RollcallError('RC_CONFIG_INVALID', `NATS does not make the streams: ${cause.message}.`, { cause })
    }
    throw new RollcallError('RC_UNREACHABLE', 'JetStream does not answer.', { cause })
  }
}
