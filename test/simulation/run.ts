import { KINDS } from '../../actors/kinds.ts'
import { ANYBODY } from '../../src/bridge/callers.ts'
import { queryLanguage } from '../../src/documents/query-language.ts'
import { isCode } from '../../src/errors.ts'
import type { Positions } from '../../src/log/positions.ts'
import { NOON } from './clock.ts'
import { differencesOf } from './compare.ts'
import type { Coverage, Death } from './fate.ts'
import { finale } from './finale.ts'
import { furnish, sessionBefore } from './furniture.ts'
import { Operator } from './operator.ts'
import type { Era } from './places.ts'
import type { Input, Plan, Step } from './plan.ts'
import type { Process } from './process.ts'
import { World } from './world.ts'

// A history has no time of the machine, in which to load what is first needed in it.
await Promise.all([queryLanguage(), import('../../src/ownership/lease.ts')])

export interface Outcome {
  /** empty: all that came of it is right */
  differences: string[]
  coverage: Coverage
}

/** So long everything may take to be well again, once nothing disturbs it any more. */
const HEAL_MS = 120_000
/** By then all that can be closed is: what is late may be so late, and inactive so long. */
const CLOSED_MS = 330_000
/** Repeated work is done in so long. */
const REST_MS = 120_000
const PATIENCE_MS = 30_000

/** An input and what became of it. */
export interface Sent {
  input: Input
  isAccepted: boolean
}

/** An era that ended with a loss, and the effects that were performed in it, and those of which there are accounts. */
export interface FormerEra extends Era {
  performed: ReadonlySet<string>
  accounts: ReadonlySet<string>
}

/** One history, from its beginning until everything is well and at rest. */
export class Run {
  readonly #plan: Plan
  readonly #world: World
  readonly #operator: Operator
  readonly #sent: Sent[]
  #former: FormerEra | null = null

  constructor(plan: Plan) {
    this.#plan = plan
    this.#world = new World(plan)
    this.#operator = new Operator(this.#world)
    this.#sent = plan.inputs.map(input => ({ input, isAccepted: false }))
  }

  async play(): Promise<Outcome> {
    const { places, clock, differences, coverage } = this.#world
    try {
      await furnish(places.documents)
      this.#world.startAll()
      await clock.pass(100)
      for (const step of this.#plan.steps) await this.#step(step)
      await this.#heal()
      const late = await finale(this.#world, this.#plan.seed, (sent, process) => this.#send(sent, process))
      await this.#compare([...this.#plan.inputs, ...late])
    } catch (error) {
      differences.push((error as Error).stack ?? String(error))
    }
    return { differences, coverage }
  }

  async #step(step: Step): Promise<void> {
    const { clock, coverage, troubled, places } = this.#world
    const process = (n: number): Process => this.#world.processes[n]!
    if ('send' in step) for (const n of step.send) this.#send(this.#sent[n]!, process(step.to))
    else if ('pass' in step) return clock.pass(step.pass)
    else {
      const [name] = Object.keys(step)
      if (!('arm' in step || 'outage' in step || 'dieAt' in step || 'full' in step))
        coverage.count(`disturbed: ${name}`)
    }
    if ('arm' in step && process(step.of).isUp) process(step.of).fate.arm(step.arm, step.trouble, step.nth)
    if ('dieAt' in step && process(step.of).isUp) process(step.of).fate.dieAt(step.dieAt)
    if ('outage' in step) troubled.outages.set(step.outage, clock.elapsed + step.ms)
    if ('full' in step) troubled.full.set(step.full, clock.elapsed + step.ms)
    if ('kill' in step) process(step.kill).kill()
    if ('killShard' in step) process(step.of).killShard(step.killShard)
    if ('freeze' in step) process(step.freeze).life.freeze()
    if ('thaw' in step) process(step.thaw).life.thaw()
    if ('start' in step && !process(step.start).isUp) process(step.start).start()
    if ('skew' in step) process(step.of).skew = step.skew
    if ('stop' in step) await this.#stop(process(step.stop))
    if ('flush' in step) places.live.flush()
    if ('known' in step) await places.find('sessions', sessionBefore(step.known))
    if ('trim' in step) this.#operator.trim(step.trim)
    if ('keep' in step) await this.#operator.keep(step.keep)
    if ('putBack' in step) await this.#operator.putBack(step.putBack)
    if ('loseTail' in step) await this.#operator.loseTail(step.loseTail, step.entries)
    if ('recompute' in step) await this.#operator.recompute(step.recompute)
    if ('lose' in step) await this.#lose(step.lose === 'all but documents', step.death)
    await clock.pass(0)
  }

  /** Inputs that were accepted and are not visible may be gone with the log: they are sent again. */
  async #lose(withLog: boolean, death: Death): Promise<void> {
    const { places, performed } = this.#world
    for (const process of this.#world.processes) process.kill()
    await this.#world.clock.pass(5_000)
    const era = await places.era()
    const before = new Set(performed.keys())
    const accounts = await places.documents.find('effects', {})
    if (!(await this.#operator.lose(withLog, death))) return
    this.#former = { ...era, performed: before, accounts: new Set(accounts.map(({ _id }) => _id)) }
    for (const sent of this.#sent) sent.isAccepted = false
  }

  async #stop(process: Process): Promise<void> {
    if (!process.isUp) return
    let isDone = false
    const ended = (): void => {
      isDone = true
    }
    // It says what it could not do at the end, as where the lease is away.
    process.close().then(ended, ended)
    for (let waited = 0; !isDone && waited < 10_000; waited += 100) await this.#world.clock.pass(100)
    // Whoever waits for a server that is away is killed in the end.
    process.kill()
  }

  /** Sends an input, again if it was accepted before; whoever hears nothing sends it again later. */
  #send(sent: Sent, process = this.#world.processes[0]!): void {
    if (!process.isUp) return
    const { life } = process
    const { coverage, differences } = this.#world
    const full = this.#logIsFullUntil()
    this.#asked(sent.input, process).then(
      () => {
        sent.isAccepted = true
        if (full && this.#logIsFullUntil() === full && !isCommand(sent.input))
          differences.push(`${JSON.stringify(sent.input)} is taken while the disk is full`)
      },
      error => {
        if (life.isOver) return
        const { code } = error as { code?: string }
        if (code?.startsWith('RC_') && code !== 'RC_INTERNAL') coverage.count(`refused: ${code}`)
        else differences.push(`${JSON.stringify(sent.input)}: ${(error as Error).stack}`)
        if (full && code === 'RC_LOG_UNAVAILABLE') coverage.count('refused: the disk is full')
      },
    )
  }

  /** Until when, in ms of the clock; 0: it is not. */
  #logIsFullUntil(): number {
    const { clock, troubled } = this.#world
    const until = Math.max(troubled.full.get('log') ?? 0, troubled.full.get('log nearly') ?? 0)
    return until > clock.elapsed ? until : 0
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
    const sessions = await this.#world.places.documents.find('sessions', {
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
    this.#world.coverage.count('accepted')
    for (const [partition, seq] of positions) {
      const { last } = await this.#world.places.log.open().bounds(partition)
      if (seq > last) this.#world.differences.push(`position ${partition}-${seq} is not in the log`)
    }
    await directory.mustBeGiven(positions)
  }

  /** Nothing disturbs any more: everything must become well by itself, and take what it has not taken. */
  async #heal(): Promise<void> {
    const { clock, processes } = this.#world
    this.#world.calm()
    for (const process of processes) {
      process.skew = 0
      process.fate?.heal()
      process.life.thaw()
    }
    // A call that is under way may still kill its process, which is then started again.
    const isWell = async (): Promise<boolean> => {
      this.#world.revive()
      return this.#world.isWell()
    }
    const well = async (): Promise<void> => {
      if (await this.#world.soon(isWell, HEAL_MS)) return
      throw new Error(`not well again: ${JSON.stringify(await this.#world.owner?.states())}`)
    }
    await well()
    const isTaken = async (): Promise<boolean> => {
      this.#world.revive()
      for (const sent of this.#sent) if (!sent.isAccepted) this.#send(sent)
      await clock.pass(2_000)
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
    for (const process of this.#world.owner ? processes : []) if (process.owner === null) process.kill()
    for (const process of processes) process.stopLooking()
    await clock.pass(Math.max(REST_MS, CLOSED_MS - clock.elapsed))
  }

  /** An operator has done again what was given up. */
  async #retryParked(): Promise<void> {
    const { clock, processes, coverage, owner } = this.#world
    const parked = await clock.until(owner!.effects({ state: 'parked' }, 1_000), PATIENCE_MS, 'what was given up')
    for (const { id, actor } of parked) {
      const at = NOON + clock.elapsed
      const key = actor.slice(actor.indexOf('/') + 1)
      const retried = processes[0]!.append([{ kind: 'effect.retry', key, id, at, arrival: at, effect: id }])
      await clock.until(retried, PATIENCE_MS, 'a retry')
      coverage.count('retried by hand')
    }
  }

  async #compare(inputs: Input[]): Promise<void> {
    const { clock, places, performed, differences, coverage, owner } = this.#world
    const era = await places.era()
    for (const { kind } of [...era.logs, ...(this.#former?.logs ?? [])].flat().flatMap(({ events }) => events)) {
      coverage.count(`event: ${kind}`)
      const taker = KINDS.find(({ takes }) => takes.includes(kind))
      if (taker) coverage.count(`actor: ${taker.kind}`)
    }
    if (!owner) throw new Error('nobody owns the partitions at the end')
    const audience = await clock.until(owner.audience(), PATIENCE_MS, 'the audience')
    const waiting = await clock.until(owner.effects({}, 1_000), PATIENCE_MS, 'the effects')
    const parked = await clock.until(owner.parked(), PATIENCE_MS, 'what is parked')
    if (waiting.length > 0) differences.push(`effects are not done: ${JSON.stringify(waiting)}`)
    if (parked.length > 0) differences.push(`events are parked: ${JSON.stringify(parked)}`)
    const { documents, live } = places
    const ends = { inputs, era, former: this.#former, audience, documents, performed, live, now: clock.elapsed }
    differences.push(...(await differencesOf(ends)))
  }
}

/** A command may have nothing to write: of a session that there is not, or that has ended. */
const isCommand = (input: Input): boolean => !('beat' in input || 'visit' in input)
