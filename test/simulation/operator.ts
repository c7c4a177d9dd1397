import { isDeepStrictEqual } from 'node:util'
import type { CheckpointStore } from '../../src/checkpoint/index.ts'
import { isCode, type RollcallError } from '../../src/errors.ts'
import type { RecomputationProgress } from '../../src/recomputation/index.ts'
import { NOON } from './clock.ts'
import type { Death } from './fate.ts'
import { copyOf } from './places.ts'
import type { Recomputing } from './plan.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

/** A recomputation is begun again, after each crash, until it must have ended. */
const RECOMPUTED_MS = 600_000
const PASSING = ['RC_NOT_READY', 'RC_SHARD_LOST', 'RC_SHARD_TIMEOUT'] as const

/** An operator, who acts on the machines while all processes are down. */
export class Operator {
  readonly #world: World
  /** by partition: a checkpoint as it was at some time */
  readonly #kept = new Map<number, CheckpointStore>()

  constructor(world: World) {
    this.#world = world
  }

  /** A disk that is put back older than the checkpoint is: the partition must refuse it, and go on once it is whole. */
  async loseTail(partition: number, entries: number): Promise<void> {
    const { places, coverage } = this.#world
    await this.#world.killAll()
    const { first, last } = await places.log.open().bounds(partition)
    const kept = await places.checkpoints.peek(partition)
    if (kept && kept.cut > Math.max(first - 1, last - entries)) {
      coverage.count('log: lost its tail')
      const putBack = places.log.lose(partition, entries)
      await this.#refused(partition, 'RC_LOG_BEHIND', putBack)
    }
    this.#world.startAll()
  }

  /** Keeps a copy of the partition's checkpoint. */
  async keep(partition: number): Promise<void> {
    const copy = await this.#world.places.checkpoints.copy(partition)
    if (copy) this.#kept.set(partition, copy)
  }

  /** A checkpoint that is put back older than the log's first entry is refused, and the right one goes on. */
  async putBack(partition: number): Promise<void> {
    const { places, coverage } = this.#world
    const { checkpoints, log } = places
    await this.#world.killAll()
    const copy = this.#kept.get(partition)
    const [old, kept] = [await copy?.peek(partition), await checkpoints.peek(partition)]
    const { incarnation } = await log.open().bounds(partition)
    if (copy && old?.incarnation === incarnation && kept?.incarnation === incarnation) {
      await places.trim(partition, kept.cut)
      if ((await log.open().bounds(partition)).first > old.cut + 1) {
        coverage.count('checkpoint: put back')
        const right = checkpoints.swap(partition, copy)
        await this.#refused(partition, 'RC_LOG_TRUNCATED', () => checkpoints.swap(partition, right))
      }
    }
    this.#world.startAll()
  }

  /** With all processes down: they start, the partition is refused, they die, all is as it was. */
  async #refused(partition: number, code: string, putBack: () => void): Promise<void> {
    const { differences } = this.#world
    this.#world.calm()
    this.#world.startAll()
    if (!(await this.#world.refuses(partition, code)))
      differences.push(`partition ${partition} is not refused: ${code}`)
    await this.#world.killAll()
    putBack()
  }

  /** The checkpoints are gone, and the log with them, if it does not bring everything back: what is visible stays. */
  async lose(withLog: boolean, death: Death): Promise<boolean> {
    const { places, coverage, differences } = this.#world
    await this.#world.killAll()
    const isWithLog = withLog || places.isTrimmed || places.checkpoints.origins.some(origin => origin !== null)
    coverage.count(isWithLog ? 'all but the documents is lost' : 'checkpoints are lost')
    this.#kept.clear()
    await places.lose(isWithLog)
    this.#world.startAll()
    for (const { fate } of this.#world.processes) fate.dieAt(death)
    if (!isWithLog) return false
    const before = await copyOf(places.documents)
    const isWell = async (): Promise<boolean> => {
      this.#world.revive()
      return this.#world.isWell()
    }
    if (!(await this.#world.soon(isWell, 60_000))) differences.push('nobody goes on above the documents')
    const after = await copyOf(places.documents)
    if (!isDeepStrictEqual(after, before)) differences.push('documents changed with nothing sent')
    return true
  }

  /** Rules change, or documents are spoilt, and a recomputation is begun until it comes to its end. */
  async recompute({ from, visitors, change, troubles, deaths, spoils }: Recomputing): Promise<void> {
    const { places, processes, clock, coverage, differences } = this.#world
    await this.#world.killAll()
    if (spoils) await this.#spoil()
    const formerZone = places.rules.now.zone
    const [process] = processes as [Process]
    const [left, dying] = [[...troubles], [...deaths]]
    for (const until = clock.elapsed + RECOMPUTED_MS; ; ) {
      if (clock.elapsed > until) return void differences.push('a recomputation never ends')
      if (!process.isUp) process.start()
      for (const { place, trouble, nth } of left.splice(0, 2)) process.fate.arm(place, trouble, nth)
      for (const death of dying.splice(0, 1)) process.fate.dieAt(death)
      const { life } = process
      const isReady = async (): Promise<boolean> => life.isOver || this.#world.isWell()
      await this.#world.soon(isReady, 60_000)
      if (life.isOver) {
        await clock.pass(200)
        continue
      }
      const request = {
        ...{ id: clock.id(), from, visitors },
        change: change && { ...change, formerZone },
      }
      if (await this.#ended(process, request)) break
      coverage.count('recomputation: begun again')
    }
    coverage.count(`recomputation: ${change ? 'of other rules' : 'by the same rules'}`)
    if (change && visitors === null && from === 0) places.rules = { ...places.rules, now: change }
    await this.#world.killAll()
    this.#world.startAll()
  }

  /** False: the process died, or ended since something was away for too long. */
  async #ended(process: Process, request: Parameters<NonNullable<Process['owner']>['recompute']>[0]): Promise<boolean> {
    const { clock, coverage } = this.#world
    const { life } = process
    for (const until = clock.elapsed + 300_000; clock.elapsed < until; ) {
      let progress: RecomputationProgress[] | undefined
      let isSettled = false
      let isOver = false
      process.owner?.recompute(request).then(
        all => {
          progress = all
          isSettled = true
        },
        (error: RollcallError) => {
          isSettled = true
          isOver = !PASSING.some(code => isCode(error, code))
          if (isOver) coverage.count(`recomputation: ${error.code}`)
        },
      )
      while (!isSettled && !life.isOver && clock.elapsed < until) await clock.pass(50)
      if (isOver) process.kill()
      if (life.isOver) return false
      if (progress?.every(({ isDone }) => isDone)) return true
      await clock.pass(100)
    }
    return false
  }

  /** Documents of web sessions as somebody left them who knew better: one is gone, one is changed, one is too many. */
  async #spoil(): Promise<void> {
    const { documents } = this.#world.places
    const sessions = await documents.find('web-sessions', { sort: { _id: 1 } })
    const [first, second] = sessions
    if (!first) return
    this.#world.coverage.count('documents: spoilt')
    const { _id, ...rest } = first
    const extra = { ...rest, index: 99, isForeign: true }
    await documents.upsertMany('web-sessions', [{ id: `${_id}#99`, seq: 0, set: extra }])
    await documents.removeWhere('web-sessions', { _id })
    if (second) await documents.patchMany('web-sessions', 'pageViews', [{ id: second._id, set: { pageViews: 99 } }])
  }

  /** Entries that came more than so long before now may go. */
  async trim(ms: number): Promise<void> {
    const { processes, clock, coverage } = this.#world
    const owner = processes.find(process => process.owner)
    if (!owner) return
    const trimmed = owner.trim(NOON + clock.elapsed - ms)
    trimmed.then(
      () => coverage.count('log: trimmed'),
      error => coverage.count(`fault: trim (${(error as Error).name})`),
    )
  }
}
