import type { ActorKind, Rules } from '../../actors/index.ts'
import type { LiveSets } from '../audience/index.ts'
import type { Sums } from '../audience/sums.ts'
import { problemOf } from '../checkpoint/fit.ts'
import type { CheckpointStore } from '../checkpoint/index.ts'
import type { DocumentStore } from '../documents/index.ts'
import { History } from '../effects/history.ts'
import type { Receiver } from '../effects/index.ts'
import { Performer } from '../effects/performer.ts'
import { isCode, isDamage, RollcallError } from '../errors.ts'
import type { Entry, EventLog, Seq } from '../log/index.ts'
import { partitionOf } from '../log/partition-of.ts'
import type { Outputs } from '../notify/index.ts'
import type { Faults } from '../observe/index.ts'
import { eachStep, type Steps, step } from '../observe/steps.ts'
import { retry, UNTIL_DONE } from '../retry.ts'
import { atMost, type Cancel, type Time } from '../time.ts'
import { attendance } from './attendance.ts'
import { claimAnew, claimWord } from './claim-word.ts'
import { Committer } from './committer.ts'
import { LiveCopies } from './live-copies.ts'
import { Partition } from './partition.ts'
import { countActors } from './population.ts'
import { presence } from './presence.ts'
import { recover, redo } from './recovery.ts'
import { applyInSlices } from './slices.ts'
import { Ticker } from './ticker.ts'
import { Traces } from './traces.ts'
import { Updates } from './updates.ts'

export interface ProcessorOptions {
  owner: string
  kinds: readonly ActorKind[]
  rules: Rules
  log: EventLog
  store: CheckpointStore
  documents: DocumentStore
  live: LiveSets<null>
  /** of all shards together */
  partitions: number
  mostActorBytes?: number
  receiverOf(kind: string): Receiver
  /** kinds of actor whose snapshots are documents */
  snapshots?: readonly string[]
  /** of windows over all partitions, if they are kept */
  sums?: Pick<Sums, 'add'>
  /** where updates of documents are told, if they are */
  updates?: Outputs
  flushMs: number
  time: Time
  /** Resolves when what nobody waits for may be read: all partitions of the thread are claimed. */
  quiet?: Promise<void>
  /** of this partition */
  faults: Faults
  steps?: Steps | undefined
}

/** So long what is being performed at the end may still take. */
const LAST_EFFECTS_MS = 2_000
const LAST_COPIES_MS = 1_000

/** Owns one partition: claims it, replays it from its cut, and goes on with whatever the log brings. */
export class Processor {
  readonly partition: Partition
  readonly committer: Committer
  readonly #options: ProcessorOptions
  readonly #performer: Performer
  readonly #ticker: Ticker
  readonly #traces: Traces
  readonly #copies: LiveCopies
  readonly #updates: Updates | undefined
  readonly #endChecks: Cancel
  readonly #abort = new AbortController()
  /** the end of the log at the claim; what the world was asked for up to there may have been done before */
  readonly replayUntil: Seq
  #running: Promise<void> = Promise.resolve()
  #performed: Promise<void> = Promise.resolve()
  #isApplying = false
  #isCounting = false
  #stopped: RollcallError | undefined

  private constructor(partition: Partition, options: ProcessorOptions, incarnation: string, replayUntil: Seq) {
    const number = partition.claim.partition
    const { meter } = partition
    this.partition = partition
    this.#options = options
    this.replayUntil = replayUntil
    const { store, documents, live, flushMs, log, receiverOf, updates: outputs, quiet, time, faults, steps } = options
    const { signal } = this.#abort
    const untilDone = (step: string, work: () => Promise<unknown>): Promise<unknown> =>
      retry(work, UNTIL_DONE, {
        ...{ time, signal },
        failed: error => (isDamage(error) ? this.#stop(error as Error) : faults.report(step, error)),
      })
    const history = new History({ documents, partition: number, meter, untilDone, steps })
    this.#performer = new Performer({
      ...{ outbox: partition.outbox, receiverOf, meter, time, faults, history, steps },
      append: event => untilDone('answer', () => log.append(number, [event])),
      done: ({ id }) => {
        partition.outbox.done(id)
        this.committer.poke()
      },
    })
    const copies = new LiveCopies({
      ...{ partition: number, cut: partition.claim.cut, live, documents, meter, time, faults },
      attendance: () => attendance(partition, store, { time, faults }),
      presence: () => presence(partition, store, { quiet, time, faults }),
      copies: options.kinds.flatMap(({ copies = [] }) => copies),
      isOwn: key => partitionOf(key, options.partitions) === number,
    })
    this.#copies = copies
    const updates = outputs && new Updates({ outputs, time, faults })
    this.#updates = updates
    this.#endChecks = copies.checks()
    this.#ticker = new Ticker({ partition, log, time, faults, steps })
    this.#traces = new Traces(partition, replayUntil)
    this.committer = new Committer({
      ...{ partition, incarnation, store, documents, flushMs, time, faults, steps, traces: this.#traces },
      ...(options.sums && { sums: options.sums }),
      committed: cut => {
        copies.add(cut)
        updates?.add(cut)
        this.#performer.add(cut.effects)
        for (const { collection, set } of cut.writes) if (collection === 'effects') history.dropped(String(set?.kind))
        if (!this.#isApplying) partition.evict(time.now())
      },
      fatal: error => this.#stop(error),
    })
  }

  static async claim(number: number, options: ProcessorOptions): Promise<Processor> {
    const { store, log, owner, kinds, rules, snapshots, time, steps, live } = options
    const claim = await step(steps, 'claim', number, () => store.claim(number, owner))
    const problem = await step(steps, 'claim.fit', number, () => problemOf(claim, log, number))
    const { incarnation, first, last } = await step(steps, 'claim.bounds', number, () => log.bounds(number))
    if (problem) {
      const found = problem === 'RC_LOG_CORRUPT' ? `entry ${claim.cut} of the log is not as it was written` : null
      const text = found ?? `the cut is ${claim.cut}, the log holds ${first} to ${last}`
      throw new RollcallError(problem, `Partition ${number}: ${text}.`)
    }
    const partition = new Partition(claim, kinds, rules, store, snapshots, options.mostActorBytes)
    partition.tellsChanged = live.isShared
    const unsure = await recover(partition, store, steps)
    await redo(partition, unsure, options)
    const word = claimWord(claim, time)
    const replayUntil = await step(steps, 'claim.word', number, () => log.append(number, [word]))
    const processor = new Processor(partition, options, incarnation, replayUntil)
    // Their owner may have ended before they were published.
    for (const cut of unsure) processor.#copies.addWrites(cut)
    processor.#performer.add(partition.outbox.takeFresh())
    Promise.resolve(options.quiet).then(() => countActors(partition, { ...options, signal: processor.#abort.signal }))
    processor.#running = processor.#run().catch(error => processor.#stop(error))
    processor.#loadDeadlines()
    return processor
  }

  async #run(): Promise<void> {
    const { partition, committer } = this
    const { log, time, steps } = this.#options
    const { partition: number } = partition.claim
    const { signal } = this.#abort
    for await (const entries of eachStep(steps, 'read', number, log.read(number, partition.applied, signal))) {
      // While nothing can be committed, nothing more is read than fits into memory.
      if (partition.backlog.isFull) await committer.catchUp()
      if (signal.aborted) return
      if (!committer.isRunning) partition.evict(time.now())
      this.#isApplying = true
      await this.#prepare(entries)
      await applyInSlices(entries, { meter: partition.meter, time, signal, apply: entry => this.#apply(entry) })
      if (signal.aborted) return
      this.#isApplying = false
      committer.poke()
      if (partition.applied < this.replayUntil) continue
      if (partition.clock.epoch > partition.claim.epoch) this.#countAnew()
      this.#performer.open()
      this.#ticker.arm()
    }
  }

  #apply(entry: Entry): void {
    this.#traces.apply(entry)
    if (entry.strays) this.#report(entry)
  }

  async #countAnew(): Promise<void> {
    if (this.#isCounting) return
    this.#isCounting = true
    const { partition, committer } = this
    await claimAnew({ ...this.#options, partition, committer }, this.#abort.signal)
    this.#isCounting = false
  }

  #prepare(entries: Entry[]): Promise<void> {
    const { steps } = this.#options
    return this.#untilLoaded(() => step(steps, 'prepare', entries, () => this.partition.prepare(entries)))
  }

  /** Has the deadlines come in the background; ticks are written once they are there. */
  async #loadDeadlines(): Promise<void> {
    const { partition } = this
    const { quiet, time, steps } = this.#options
    await quiet
    try {
      await this.#untilLoaded(() => partition.deadlines.loaded({ time, steps }))
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#stop(error as Error)
    }
    if (partition.applied >= this.replayUntil) this.#ticker.arm()
  }

  /** While the checkpoints give no answer, nothing is applied; whatever else goes wrong stops the partition. */
  #untilLoaded(load: () => Promise<void>): Promise<void> {
    const { time, faults } = this.#options
    return retry(load, UNTIL_DONE, {
      ...{ time, signal: this.#abort.signal, failed: error => faults.report('load', error) },
      isFinal: error => !isCode(error, 'RC_STORE_UNAVAILABLE'),
    })
  }

  #report({ seq, strays }: Entry): void {
    const text = `Entry ${seq} holds what is no event (${strays}), which was passed over.`
    this.#options.faults.report('log', new Error(text))
  }

  /** Why the partition does not go on; undefined while it does. */
  get stopped(): RollcallError | undefined {
    return this.#stopped
  }

  #stop(error: Error): void {
    this.#stopped ??= error instanceof RollcallError ? error : new RollcallError('RC_PARTITION_STOPPED', error.message)
    this.#options.faults.report('partition', error)
    this.#halt()
    const stop = (): void => this.committer.stop(this.#stopped!)
    // All before a damaged entry is committed, so that who goes on behind it leaves out that one alone.
    if (isCode(error, 'RC_LOG_CORRUPT')) this.committer.catchUp().then(stop)
    else stop()
  }

  #halt(): void {
    this.#abort.abort()
    this.partition.deadlines.stop()
    this.#ticker.stop()
    this.#endChecks()
    this.#performed = this.#performer.stop()
  }

  /** Reads no more, commits what was read. */
  async drain(): Promise<void> {
    const { time } = this.#options
    this.#halt()
    await this.#running
    await atMost(time, LAST_EFFECTS_MS, this.#performed)
    await this.committer.drain()
    const others = Promise.all([this.#copies.published(), this.#updates?.published()])
    await atMost(time, LAST_COPIES_MS, others)
  }
}
