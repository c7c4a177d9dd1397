import { extname } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { MessageChannel } from 'node:worker_threads'
import { type Remote, wrap } from 'comlink'
import type { Piscina } from 'piscina'
import type { Rules } from '../../actors/index.ts'
import { isCode, RollcallError } from '../errors.ts'
import type { EmbeddedLog } from '../log/embedded/writer.ts'
import { oneThread } from '../one-thread.ts'
import type { Host } from '../receivers/index.ts'
import type { ReceiverSettings } from '../receivers/open.ts'
import type { StoreSettings } from '../stores.ts'
import { atMost, type Time, within } from '../time.ts'
import type { ShardControl } from './index.ts'
import type { ShardFault, ThreadOptions } from './thread.ts'
import { endpoint, serve } from './wire.ts'

export interface ShardOptions {
  partitions: number[]
  rules: Rules
  /** kinds of actor whose snapshots are documents */
  snapshots: readonly string[]
  flushMs: number
  places: StoreSettings
  /** the embedded log's writer; null where the log is on a server, which the thread reaches itself */
  writer: EmbeddedLog | null
  receivers: ReceiverSettings
  host: Host
  time: Time
  /** something went wrong in the shard and is being dealt with */
  fault(fault: ShardFault): void
  /** the thread is gone and starts again after `wait` ms */
  restarting(wait: number, error: unknown): void
}

const CALL_MS = 25_000
/** ms before the thread is started anew, by how often it was lost in a row; the last of them again and again */
const RESTARTS_MS = [50, 100, 200, 400, 800, 1_600, 3_200, 5_000]
/** A thread that ran for so long was not lost in a row. */
const STABLE_MS = 30_000
/** A shard that never claimed its partitions is given up after so many tries. */
const FIRST_TRIES = 5
const DRAIN_MS = 10_000
/** Memory for what a thread has made last; V8 would let it take 96 MB and more, and nothing is faster for that. */
const YOUNG_MB = 48
/**
 * Growth of a heap of the process before V8 collects, in per cent of what is in use. Left to V8 it is more where much came
 * at once, and nobody collects that once it is quiet: of 200,000 viewers some 400 MB.
 */
const GROWTH_PERCENT = 60

/** A run of the shard's thread. */
interface Run {
  pool: Piscina
  /** settles when the thread's task has ended by itself */
  task: Promise<unknown>
  remote: Remote<ShardControl>
  /** rejects when the thread is gone */
  lost: Promise<never>
}

/** Keeps one shard's thread alive: a pool of one thread whose only task never ends, started anew with back-off. */
export class Shard {
  readonly partitions: readonly number[]
  readonly #options: ShardOptions
  #run: Run | undefined
  #up = Promise.withResolvers<Run>()
  #isUp = false
  #wasReady = false
  #closing = false
  #failures = 0

  constructor(options: ShardOptions) {
    this.#options = options
    this.partitions = options.partitions
    this.#start()
  }

  #start(): void {
    const { writer, fault, host, time, restarting: _restarting, ...settings } = this.#options
    const started = time.monotonic()
    const channels = {
      control: new MessageChannel(),
      host: new MessageChannel(),
      log: new MessageChannel(),
      faults: new MessageChannel(),
    }
    const { control, host: toHost, log: toLog, faults } = channels
    const ports = { control: control.port2, host: toHost.port2, log: toLog.port2, faults: faults.port2 }
    channels.faults.port1.on('message', fault)
    channels.faults.port1.unref()
    writer?.serve(channels.log.port1)
    serve(host, channels.host.port1)
    const filename = new URL(`./thread${extname(import.meta.url)}`, import.meta.url).href
    const pool = oneThread(filename, { maxYoungGenerationSizeMb: YOUNG_MB })
    const options: ThreadOptions = { owner: time.id(), now: time.now(), ...settings, ports }
    const task = pool.run(options, { transferList: Object.values(ports) as never })
    const { promise: lost, reject } = Promise.withResolvers<never>()
    // Nobody may be calling when the thread is lost.
    lost.catch(() => {})
    const ended = (error: unknown): void => {
      for (const { port1 } of Object.values(channels)) port1.close()
      reject(new RollcallError('RC_SHARD_LOST', undefined, { cause: error }))
      if (this.#run?.pool === pool) this.#lose(error, started)
    }
    const run: Run = { pool, task, remote: wrap<ShardControl>(endpoint(channels.control.port1)), lost }
    this.#run = run
    // A thread that is killed closes its ports; its task may never settle.
    channels.control.port1.on('close', () => ended(new Error('the thread is gone')))
    pool.on('error', ended)
    task.then(() => ended(new Error('the task ended')), ended)
    const isUp = (): void => {
      if (this.#run !== run) return
      this.#isUp = true
      this.#up.resolve(run)
    }
    run.remote.status().then(isUp, ended)
    run.remote.claimed().then(() => {
      this.#wasReady = true
      // Code that was cached under other flags is compiled again: all that the start needs is there by now.
      setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`)
    }, ended)
  }

  #lose(error: unknown, started: number): void {
    const run = this.#run!
    this.#run = undefined
    run.pool.destroy().catch(error => this.#options.restarting(0, error))
    if (this.#closing) {
      this.#refuse(new RollcallError('RC_CLOSING'))
      return
    }
    if (this.#isUp) this.#up = Promise.withResolvers()
    this.#isUp = false
    const { time, restarting } = this.#options
    this.#failures = time.monotonic() - started > STABLE_MS ? 0 : this.#failures + 1
    if (!this.#wasReady && this.#failures === FIRST_TRIES) {
      this.#closing = true
      this.#refuse(new RollcallError('RC_SHARD_LOST', 'The shard does not start.', { cause: error }))
      return
    }
    const wait = RESTARTS_MS[Math.min(this.#failures, RESTARTS_MS.length - 1)]!
    restarting(wait, error)
    time.after(wait, () => this.#closing || this.#start())
  }

  /** From here on every call is refused. */
  #refuse(error: RollcallError): void {
    this.#up.promise.catch(() => {})
    this.#up.reject(error)
    this.#up = Promise.withResolvers()
    this.#up.promise.catch(() => {})
    this.#up.reject(error)
  }

  /** Resolves when the shard's partitions are claimed; RC_SHARD_LOST if it never starts. */
  async ready(): Promise<void> {
    for (;;) {
      const { remote, lost } = await this.#up.promise
      try {
        return await Promise.race([remote.claimed(), lost])
      } catch (error) {
        if (!isCode(error, 'RC_SHARD_LOST')) throw error
      }
    }
  }

  /** Calls the shard; waits while it restarts. Rejects with RC_SHARD_LOST if it dies meanwhile, never hangs. */
  async call<T>(ask: (remote: Remote<ShardControl>) => Promise<T>, withinMs: number = CALL_MS): Promise<T> {
    const { time } = this.#options
    const until = time.monotonic() + withinMs
    const late = (): RollcallError => new RollcallError('RC_SHARD_TIMEOUT')
    const { remote, lost } = await within(time, withinMs, this.#up.promise, late)
    return within(time, until - time.monotonic(), Promise.race([ask(remote), lost]), late)
  }

  /** Ends the thread at once, as a crash of its own would; it is started again. */
  async kill(): Promise<void> {
    await this.call(remote => remote.crash()).catch((error: unknown) => {
      if (!isCode(error, 'RC_SHARD_LOST')) throw error
    })
  }

  async close(): Promise<void> {
    this.#closing = true
    const run = this.#run
    if (!run) return this.#refuse(new RollcallError('RC_CLOSING'))
    await this.call(remote => remote.drain()).catch(error => this.#options.restarting(0, error))
    // A thread that is ended inside a call of LMDB takes the process with it: it must have closed its stores.
    await atMost(this.#options.time, DRAIN_MS, Promise.allSettled([run.task]))
    await run.pool.destroy()
  }
}
