import type { Event } from '../../actors/event.ts'
import { RollcallError } from '../errors.ts'
import { Meter } from '../observe/meter.ts'
import type { Cancel, Time } from '../time.ts'
import { ENTRY_EVENTS, encode, GROUP_MS, WAITING_EVENTS } from './entries.ts'
import { Gathering } from './gathering.ts'
import type { Events, Seq } from './index.ts'
import { Rows } from './rows.ts'

/** So long after a batch failed the log counts as failing, if none has come through since. */
const FAILING_MS = 10_000
/** A joint send costs as much as many beats: while callers are missing it goes no sooner than this after the one before. */
export const JOINT_MS = 16

interface Append {
  events: Event[] | Rows
  resolve(seq: Seq): void
  reject(error: Error): void
}

interface Batch {
  partition: number
  appends: Append[]
  events: number
  /** when its first append came, by the monotonic clock */
  since: number
  /** when it has failed if it has not succeeded, by the monotonic clock */
  deadline: number
}

/** A batch on its way. */
export interface Outgoing {
  partition: number
  /** tells a repetition of it from another batch */
  id: string
  value: Buffer
  deadline: number
}

/** Batches that go out one send after another, oldest first: those of one partition, or of all. */
interface Lane {
  batches: Batch[]
  isBusy: boolean
}

interface Outlet {
  time: Time
  partitions: number
  /** the greatest size of an encoded batch */
  maxBytes: number
  deadlineMs: number
  /** whether a send takes all there is of all partitions; if not, it takes one batch, beside those of other partitions */
  isJoint: boolean
  /** whether entries have rows: nobody reads them but processes of this version */
  hasRows: boolean
  meter?: Meter | undefined
  /** Makes batches durable, those of one partition in their order; resolves with the seq of each. */
  send(batches: Outgoing[]): Promise<Seq[]>
}

/** Gathers appends into batches: the open ones of all partitions go out together, and those of one partition in order. */
export class Batches {
  readonly #outlet: Outlet
  readonly #meter: Meter
  readonly #lanes: Lane[]
  /** by partition: the batch that still takes appends */
  readonly #open: (Batch | undefined)[] = []
  readonly #writer: string
  readonly #idle = Promise.withResolvers<void>()
  #sent = 0
  #waiting = 0
  /** lanes whose batches are under way */
  #busy = 0
  #isLeaving = false
  readonly #gathering = new Gathering()
  /** ends the wait for those under way, or for callers who are missing */
  #endWait: Cancel | undefined
  #lastAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(outlet: Outlet) {
    this.#outlet = outlet
    this.#meter = outlet.meter ?? new Meter()
    this.#writer = outlet.time.id()
    this.#lanes = Array.from({ length: outlet.isJoint ? 1 : outlet.partitions }, () => ({ batches: [], isBusy: false }))
  }

  append(partition: number, appended: Events): Promise<Seq> {
    const events = appended instanceof Rows ? appended : [...appended]
    if (this.#isClosed) return Promise.reject(new RollcallError('RC_LOG_UNAVAILABLE', 'The log is closed.'))
    if (this.#waiting + events.length > WAITING_EVENTS) return Promise.reject(overloaded())
    this.#waiting += events.length
    let batch = this.#open[partition]
    if (!batch || batch.events + events.length > ENTRY_EVENTS) {
      const since = this.#outlet.time.monotonic()
      batch = { partition, appends: [], events: 0, since, deadline: since + this.#outlet.deadlineMs }
      this.#open[partition] = batch
      this.#lanes[this.#outlet.isJoint ? 0 : partition]!.batches.push(batch)
    }
    const { appends } = batch
    batch.events += events.length
    if (this.#outlet.isJoint) this.#gathering.add(appended instanceof Rows ? appended.columns : appended)
    this.#schedule()
    return new Promise((resolve, reject) => appends.push({ events, resolve, reject }))
  }

  /** Lets batches go: at once if waiting gains nothing, for none is under way and no caller is missing; else in a while. */
  #schedule(): void {
    const isMissing = this.#outlet.isJoint && !this.#isClosed && !this.#gathering.isComplete
    const gains = isMissing || this.#busy > 0
    if (this.#isLeaving || (this.#endWait && gains) || !this.#lanes.some(isReady)) return
    const { time } = this.#outlet
    const wait = gains ? this.#lastAt + (isMissing ? JOINT_MS : GROUP_MS) - time.monotonic() : 0
    if (wait >= 1) {
      this.#endWait = time.after(wait, this.#go)
      return
    }
    this.#endWait?.()
    this.#isLeaving = true
    // Even "at once" waits for the end of the turn, so that requests read together go out together.
    time.turn().then(this.#go)
  }

  readonly #go = (): void => {
    this.#isLeaving = false
    this.#endWait = undefined
    this.#lastAt = this.#outlet.time.monotonic()
    this.#gathering.end()
    for (const lane of this.#lanes) if (isReady(lane)) this.#run(lane)
  }

  async #run(lane: Lane): Promise<void> {
    lane.isBusy = true
    this.#busy++
    // A batch behind which another waits is full: it gains nothing by waiting longer.
    do await this.#send(this.#taken(lane))
    while (!this.#outlet.isJoint && lane.batches.length > 1)
    lane.isBusy = false
    this.#busy--
    this.#schedule()
    if (this.#isClosed && this.#isIdle) this.#idle.resolve()
  }

  /** Takes from the lane what goes out next, encoded; what is in vain is rejected on the way. */
  #taken({ batches }: Lane): [batch: Batch, value: Buffer][] {
    const { isJoint, maxBytes, hasRows, time } = this.#outlet
    const taken: [Batch, Buffer][] = []
    while (batches.length > 0 && (isJoint || taken.length === 0)) {
      const batch = batches.shift()!
      const { partition, appends, deadline } = batch
      if (this.#open[partition] === batch) this.#open[partition] = undefined
      try {
        if (time.monotonic() >= deadline) throw new Error('no batch before it came through in time')
        const value = encode(
          appends.flatMap<Event | Rows>(({ events }) => events),
          hasRows,
        )
        if (value.length > maxBytes) batches.unshift(...halves(batch, value.length))
        else taken.push([batch, value])
      } catch (cause) {
        this.#reject(batch, cause)
      }
    }
    return taken
  }

  async #send(taken: [batch: Batch, value: Buffer][]): Promise<void> {
    const outgoing = taken.map(([{ partition, deadline }, value]): Outgoing => {
      return { partition, id: `${this.#writer}.${++this.#sent}`, value, deadline }
    })
    if (outgoing.length === 0) return
    try {
      const seqs = await this.#outlet.send(outgoing)
      this.#failedAt = Number.NEGATIVE_INFINITY
      for (const [i, [batch, value]] of taken.entries()) {
        this.#waiting -= batch.events
        this.#count(batch, value)
        for (const { resolve } of batch.appends) resolve(seqs[i]!)
      }
    } catch (cause) {
      for (const [batch] of taken) this.#reject(batch, cause)
    }
  }

  #count({ events, since }: Batch, { length }: Buffer): void {
    const meter = this.#meter
    meter.count('rollcall_log_appended_entries_total').n++
    meter.count('rollcall_log_appended_events_total').n += events
    meter.count('rollcall_log_appended_bytes_total').n += length
    meter.spread('rollcall_log_append_seconds').add((this.#outlet.time.monotonic() - since) / 1_000)
  }

  #reject({ appends, events }: Batch, cause: unknown): void {
    this.#meter.count('rollcall_log_append_failures_total').n++
    const isOwn = cause instanceof RollcallError
    if (!isOwn) this.#failedAt = this.#outlet.time.monotonic()
    const error = isOwn ? cause : new RollcallError('RC_LOG_UNAVAILABLE', undefined, { cause })
    this.#waiting -= events
    for (const { reject } of appends) reject(error)
  }

  /** Why appends fail, as far as the last of them show; null if they do not. */
  get failing(): RollcallError | null {
    if (this.#waiting >= WAITING_EVENTS) return overloaded()
    const isFailing = this.#outlet.time.monotonic() - this.#failedAt < FAILING_MS
    return isFailing ? new RollcallError('RC_LOG_UNAVAILABLE', 'The log did not take what was sent.') : null
  }

  get #isIdle(): boolean {
    return this.#lanes.every(({ batches, isBusy }) => !isBusy && batches.length === 0)
  }

  /** Takes no more and resolves when every append has its answer. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#schedule()
    if (!this.#isIdle) await this.#idle.promise
  }
}

const overloaded = (): RollcallError => new RollcallError('RC_OVERLOADED', undefined, { limit: 'log' })

const isReady = ({ batches, isBusy }: Lane): boolean => !isBusy && batches.length > 0

/** A batch that is too large goes as two; an append that is cut has the seq of the last entry with a part of it. */
function halves({ partition, appends, since, deadline }: Batch, bytes: number): Batch[] {
  const [{ events, resolve, reject }, ...others] = appends as [Append, ...Append[]]
  let parts = appends
  if (others.length === 0) {
    if (events.length === 1) throw new RollcallError('RC_BODY_TOO_LARGE', `The log takes no event of ${bytes} bytes.`)
    const middle = Math.ceil(events.length / 2)
    parts = [
      { events: [...events].slice(0, middle), resolve() {}, reject },
      { events: [...events].slice(middle), resolve, reject },
    ]
  }
  const middle = Math.ceil(parts.length / 2)
  return [parts.slice(0, middle), parts.slice(middle)].map(half => ({
    partition,
    appends: half,
    events: half.reduce((sum, { events }) => sum + events.length, 0),
    since,
    deadline,
  }))
}
