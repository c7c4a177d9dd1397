import { randomUUID } from 'node:crypto'
import type { Event } from '../../actors/event.ts'
import { RollcallError } from '../errors.ts'
import { ENTRY_EVENTS, encode, GROUP_MS, WAITING_EVENTS } from './entries.ts'
import type { Seq } from './index.ts'

interface Append {
  events: Event[]
  resolve(seq: Seq): void
  reject(error: Error): void
}

interface Batch {
  appends: Append[]
  events: number
  /** when it has failed if it has not succeeded, by `performance.now()` */
  deadline: number
}

/** The batches of one partition, oldest first; one at a time is on its way. */
interface Lane {
  batches: Batch[]
  isBusy: boolean
}

interface Outlet {
  partitions: number
  /** the greatest size of an encoded batch */
  maxBytes: number
  deadlineMs: number
  /** Makes a batch durable by `deadline`; `id` tells a repetition of it from another batch. */
  send(partition: number, id: string, value: Buffer, deadline: number): Promise<Seq>
}

/** Gathers appends into batches: the open ones of all partitions go out together, and those of one partition in order. */
export class Batches {
  readonly #outlet: Outlet
  readonly #lanes: Lane[]
  readonly #writer = randomUUID()
  readonly #idle = Promise.withResolvers<void>()
  #sent = 0
  #waiting = 0
  #timer: NodeJS.Timeout | undefined
  #sentAt = 0
  #isClosed = false

  constructor(outlet: Outlet) {
    this.#outlet = outlet
    this.#lanes = Array.from({ length: outlet.partitions }, () => ({ batches: [], isBusy: false }))
  }

  append(partition: number, events: Event[]): Promise<Seq> {
    if (this.#isClosed) return Promise.reject(new RollcallError('RC_LOG_UNAVAILABLE', 'The log is closed.'))
    if (this.#waiting + events.length > WAITING_EVENTS) return Promise.reject(new RollcallError('RC_OVERLOADED'))
    this.#waiting += events.length
    const { batches } = this.#lanes[partition]!
    let batch = batches.at(-1)
    if (!batch || batch.events + events.length > ENTRY_EVENTS) {
      batch = { appends: [], events: 0, deadline: performance.now() + this.#outlet.deadlineMs }
      batches.push(batch)
    }
    const { appends } = batch
    batch.events += events.length
    this.#schedule()
    return new Promise((resolve, reject) => appends.push({ events, resolve, reject }))
  }

  #schedule(): void {
    if (this.#timer || !this.#lanes.some(isReady)) return
    const wait = this.#sentAt + GROUP_MS - performance.now()
    const go = (): void => {
      this.#timer = undefined
      this.#sentAt = performance.now()
      this.#lanes.forEach((lane, partition) => {
        if (isReady(lane)) this.#run(lane, partition)
      })
    }
    // Even "at once" waits for the end of the turn, so that requests read together go out together.
    this.#timer = wait < 1 ? (setImmediate(go) as unknown as NodeJS.Timeout) : setTimeout(go, wait)
  }

  async #run(lane: Lane, partition: number): Promise<void> {
    lane.isBusy = true
    // One behind which another waits is full: it gains nothing by waiting longer.
    do await this.#send(lane, partition, lane.batches.shift()!)
    while (lane.batches.length > 1)
    lane.isBusy = false
    this.#schedule()
    if (this.#isClosed && this.#isIdle) this.#idle.resolve()
  }

  async #send(lane: Lane, partition: number, batch: Batch): Promise<void> {
    const { appends, deadline } = batch
    try {
      if (performance.now() >= deadline) throw new Error('no batch before it came through in time')
      const value = encode(appends.length === 1 ? appends[0]!.events : appends.flatMap(({ events }) => events))
      if (value.length > this.#outlet.maxBytes) {
        lane.batches.unshift(...halves(batch, value.length))
        return
      }
      const seq = await this.#outlet.send(partition, `${this.#writer}.${++this.#sent}`, value, deadline)
      for (const { resolve } of appends) resolve(seq)
    } catch (cause) {
      const isOwn = cause instanceof RollcallError
      const error = isOwn ? cause : new RollcallError('RC_LOG_UNAVAILABLE', undefined, { cause })
      for (const { reject } of appends) reject(error)
    }
    this.#waiting -= batch.events
  }

  get #isIdle(): boolean {
    return this.#lanes.every(({ batches, isBusy }) => !isBusy && batches.length === 0)
  }

  /** Takes no more and resolves when everything is settled. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (!this.#isIdle) await this.#idle.promise
  }
}

const isReady = ({ batches, isBusy }: Lane): boolean => !isBusy && batches.length > 0

/** What is too large for one message goes as two; an append that is cut is named by the last entry that holds of it. */
function halves({ appends, deadline }: Batch, bytes: number): Batch[] {
  const [{ events, resolve, reject }, ...others] = appends as [Append, ...Append[]]
  let parts = appends
  if (others.length === 0) {
    if (events.length === 1) throw new RollcallError('RC_BODY_TOO_LARGE', `The log takes no event of ${bytes} bytes.`)
    const middle = Math.ceil(events.length / 2)
    parts = [
      { events: events.slice(0, middle), resolve() {}, reject },
      { events: events.slice(middle), resolve, reject },
    ]
  }
  const middle = Math.ceil(parts.length / 2)
  return [parts.slice(0, middle), parts.slice(middle)].map(half => ({
    appends: half,
    events: half.reduce((sum, { events }) => sum + events.length, 0),
    deadline,
  }))
}
