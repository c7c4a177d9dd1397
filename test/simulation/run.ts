import { isDeepStrictEqual } from 'node:util'
import type { Event } from '../../actors/event.ts'
import { ANYBODY } from '../../src/bridge/callers.ts'
import type { Effect } from '../../src/effects/index.ts'
import { isCode } from '../../src/errors.ts'
import type { Positions } from '../../src/log/positions.ts'
import type { LocalOwner } from '../../src/ownership/local.ts'
import { Random } from '../support/random.ts'
import { Clock, Life, NOON } from './clock.ts'
import { differencesOf } from './compare.ts'
import { Coverage, type Place } from './fate.ts'
import { furnish } from './furniture.ts'
import { PARTITIONS, Places } from './places.ts'
import type { Input, Plan, Step } from './plan.ts'
import { Process } from './process.ts'

export interface Outcome {
  /** empty: all that came of it is right */
  differences: string[]
  coverage: Coverage
}

/** So long everything may take to be well again, once nothing disturbs it any more. */
const HEAL_MS = 120_000
/** After that all that can be closed is: what is late may be so late, and inactive so long. */
const REST_MS = 280_000

/** An input and what became of it. */
interface Sent {
  input: Input
  isAccepted: boolean
}

/** One history, from its beginning until everything is well and at rest. */
export class Run {
  readonly #plan: Plan
  readonly #clock = new Clock()
  readonly #coverage = new Coverage()
  readonly #outages = new Map<Place, number>()
  readonly #places: Places
  readonly #processes: Process[]
  readonly #sent: Sent[]
  readonly #performed = new Map<string, Effect>()
  readonly #differences: string[] = []

  constructor(plan: Plan) {
    this.#plan = plan
    this.#places = new Places(this.#clock, new Life(), what => this.#differences.push(what))
    const shared = {
      ...{ clock: this.#clock, places: this.#places, random: new Random(plan.seed), coverage: this.#coverage },
      ...{ outages: this.#outages, isAlone: plan.processes === 1 },
      owner: () => this.#owner,
      performed: (effect: Effect) => this.#perform(effect),
      fault: (step: string, error: unknown) =>
        this.#coverage.count(`fault: ${step} (${(error as { code?: string }).code ?? (error as Error).name})`),
    }
    this.#processes = Array.from({ length: plan.processes }, () => new Process(shared, plan.shards))
    this.#sent = plan.inputs.map(input => ({ input, isAccepted: false }))
  }

  get #owner(): LocalOwner | null {
    return this.#processes.find(process => process.owner)?.owner ?? null
  }

  #perform(effect: Effect): void {
    const known = this.#performed.get(effect.id)
    if (known && !isDeepStrictEqual(known.payload, effect.payload)) this.#differences.push(`${effect.id} changed`)
    this.#performed.set(effect.id, effect)
    this.#coverage.count(`effect: ${effect.kind}`)
  }

  async play(): Promise<Outcome> {
    try {
      await furnish(this.#places.documents)
      for (const process of this.#processes) process.start()
      await this.#clock.pass(100)
      for (const step of this.#plan.steps) await this.#step(step)
      await this.#heal()
      await this.#compare()
    } catch (error) {
      this.#differences.push((error as Error).stack ?? String(error))
    }
    return { differences: this.#differences, coverage: this.#coverage }
  }

  async #step(step: Step): Promise<void> {
    const process = (n: number): Process => this.#processes[n]!
    if ('send' in step) for (const n of step.send) this.#send(this.#sent[n]!, process(step.to))
    else if ('pass' in step) return this.#clock.pass(step.pass)
    else {
      const [name] = Object.keys(step)
      if (!('arm' in step || 'outage' in step)) this.#coverage.count(`disturbed: ${name}`)
    }
    if ('arm' in step) process(step.of).isUp && process(step.of).fate.arm(step.arm, step.trouble, step.nth)
    if ('outage' in step) this.#outages.set(step.outage, this.#clock.elapsed + step.ms)
    if ('kill' in step) process(step.kill).kill()
    if ('killShard' in step) process(step.of).killShard(step.killShard)
    if ('freeze' in step) process(step.freeze).life.freeze()
    if ('thaw' in step) process(step.thaw).life.thaw()
    if ('start' in step && !process(step.start).isUp) process(step.start).start()
    if ('skew' in step) process(step.of).skew = step.skew
    if ('stop' in step) await this.#stop(process(step.stop))
    if ('loseTail' in step) await this.#loseTail(step.loseTail, step.entries)
    await this.#clock.pass(0)
  }

  async #stop(process: Process): Promise<void> {
    if (!process.isUp) return
    let isDone = false
    const ended = (): void => {
      isDone = true
    }
    // It says what it could not do at the end, as where the lease is away.
    process.close().then(ended, ended)
    for (let waited = 0; !isDone && waited < 10_000; waited += 100) await this.#clock.pass(100)
    // Whoever waits for a server that is away is killed in the end.
    process.kill()
  }

  /** A disk that is put back older than the checkpoint is: the partition must refuse it, and go on once it is whole. */
  async #loseTail(partition: number, entries: number): Promise<void> {
    for (const process of this.#processes) process.kill()
    await this.#clock.pass(5_000)
    const { last } = await this.#places.log.open().bounds(partition)
    const kept = await this.#places.checkpoints.peek(partition)
    if (kept && kept.cut > Math.max(0, last - entries)) {
      this.#coverage.count('log: lost its tail')
      this.#outages.clear()
      const putBack = this.#places.log.lose(partition, entries)
      for (const process of this.#processes) process.start()
      const refuses = async (): Promise<boolean> =>
        (await this.#owner?.states())?.some(
          state => state.partition === partition && state.stopped?.code === 'RC_LOG_BEHIND',
        ) ?? false
      if (!(await this.#soon(refuses, 30_000)))
        this.#differences.push(`partition ${partition} goes on with a log that lost its tail`)
      for (const process of this.#processes) process.kill()
      await this.#clock.pass(100)
      putBack()
    }
    for (const process of this.#processes) process.start()
  }

  /** Whether it holds within so long. */
  async #soon(holds: () => Promise<boolean>, ms: number): Promise<boolean> {
    const until = this.#clock.elapsed + ms
    for (;;) {
      const asked = holds().catch(() => false)
      let answer: boolean | undefined
      asked.then(value => {
        answer = value
      })
      for (const late = this.#clock.elapsed + 30_000; answer === undefined && this.#clock.elapsed < late; )
        await this.#clock.pass(20)
      if (answer) return true
      if (this.#clock.elapsed >= until) return false
      await this.#clock.pass(200)
    }
  }

  /** Sends an input, again if it was accepted before; whoever hears nothing sends it again later. */
  #send(sent: Sent, process: Process): void {
    if (!process.isUp) return
    this.#asked(sent.input, process).then(
      () => {
        sent.isAccepted = true
      },
      error => {
        if (!isCode(error, 'RC_INTERNAL') && (error as { code?: string }).code?.startsWith('RC_'))
          this.#coverage.count(`refused: ${(error as { code: string }).code}`)
        else this.#differences.push(`${JSON.stringify(sent.input)}: ${(error as Error).stack}`)
      },
    )
  }

  async #asked(input: Input, { intake, streamers, directory }: Process): Promise<void> {
    const sender = { caller: ANYBODY, faulty: 'refuse' as const }
    if ('beat' in input) return this.#readable(directory, await intake.heartbeats(input.beat, sender))
    if ('visit' in input) {
      await this.#readable(directory, await intake.webEvents(input.visit, sender))
      return
    }
    if ('start' in input) return void (await streamers.start(input.start, ANYBODY))
    const streamer = 'rate' in input ? input.rate.streamer : input.change.streamer
    const sessions = await this.#places.documents.find('sessions', {
      filter: { userId: streamer },
      sort: { ordinal: -1 },
    })
    const id = sessions[0]?._id
    if (id === undefined) return
    try {
      if ('rate' in input) await streamers.rate(id, { userId: input.rate.userId, score: input.rate.score }, ANYBODY)
      else if (input.change.verb === 'end') await streamers.end(id, ANYBODY)
      else if (input.change.verb === 'goals')
        await streamers.setGoals(id, { showGoalPairs: [{ title: 'dance', price: 5 }] }, ANYBODY)
      else await streamers.setPreset(id, { preset: input.change.verb }, ANYBODY)
    } catch (error) {
      if (!isCode(error, 'RC_SESSION_ENDED')) throw error
    }
  }

  async #readable(directory: Process['directory'], { positions }: { positions: Positions }): Promise<void> {
    this.#coverage.count('accepted')
    for (const [partition, seq] of positions) {
      const { last } = await this.#places.log.open().bounds(partition)
      if (seq > last) this.#differences.push(`position ${partition}-${seq} is not in the log`)
    }
    await directory.mustBeGiven(positions)
  }

  /** Nothing disturbs any more: everything must become well by itself, and take what it has not taken. */
  async #heal(): Promise<void> {
    this.#outages.clear()
    for (const process of this.#processes) {
      process.skew = 0
      process.fate?.heal()
      process.life.thaw()
    }
    // A call that is under way may still kill its process, which is then started again.
    const revive = (): void => {
      for (const process of this.#processes) if (!process.isUp) process.start()
    }
    const isWell = async (): Promise<boolean> => {
      revive()
      const states = await this.#owner?.states()
      return states?.length === PARTITIONS && states.every(({ stopped }) => !stopped)
    }
    const well = async (): Promise<void> => {
      if (await this.#soon(isWell, HEAL_MS)) return
      throw new Error(`not well again: ${JSON.stringify(await this.#owner?.states())}`)
    }
    await well()
    const isTaken = async (): Promise<boolean> => {
      revive()
      for (const sent of this.#sent) if (!sent.isAccepted) this.#send(sent, this.#processes[0]!)
      await this.#clock.pass(2_000)
      return this.#sent.every(({ isAccepted }) => isAccepted)
    }
    for (let tries = 0; !(await isTaken()); tries++) {
      if (tries > 60)
        throw new Error(`never accepted: ${JSON.stringify(this.#sent.find(({ isAccepted }) => !isAccepted))}`)
    }
    // A former owner that was thawed is fenced only now.
    await well()
    await this.#retryParked()
    // The owner is enough to see the end, and what others ask of it meanwhile takes longer than all before.
    for (const process of this.#owner ? this.#processes : []) if (process.owner === null) process.kill()
    await this.#clock.pass(REST_MS)
  }

  /** An operator has done again what was given up. */
  async #retryParked(): Promise<void> {
    const parked = await this.#clock.until(
      this.#owner!.effects({ state: 'parked' }, 1_000),
      30_000,
      'what was given up',
    )
    for (const { id, actor } of parked) {
      const at = NOON + this.#clock.elapsed
      const key = actor.slice(actor.indexOf('/') + 1)
      const retried = this.#processes[0]!.append([{ kind: 'effect.retry', key, id, at, arrival: at, effect: id }])
      await this.#clock.until(retried, 30_000, 'a retry')
      this.#coverage.count('retried by hand')
    }
  }

  async #compare(): Promise<void> {
    const logs: Event[][][] = []
    for (let p = 0; p < PARTITIONS; p++) logs.push((await this.#places.entries(p)).map(({ events }) => events))
    for (const { kind } of logs.flat(2)) this.#coverage.count(`event: ${kind}`)
    const owner = this.#owner
    if (!owner) throw new Error('nobody owns the partitions at the end')
    const audience = await this.#clock.until(owner.audience(), 30_000, 'the audience')
    const waiting = await this.#clock.until(owner.effects({}, 1_000), 30_000, 'the effects')
    const parked = await this.#clock.until(owner.parked(), 30_000, 'what is parked')
    if (waiting.length > 0) this.#differences.push(`effects are not done: ${JSON.stringify(waiting)}`)
    if (parked.length > 0) this.#differences.push(`events are parked: ${JSON.stringify(parked)}`)
    const { documents } = this.#places
    const found = {
      inputs: this.#plan.inputs,
      logs,
      audience,
      documents,
      performed: this.#performed,
      now: this.#clock.elapsed,
    }
    this.#differences.push(...(await differencesOf(found)))
  }
}
