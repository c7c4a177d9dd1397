import { isDeepStrictEqual } from 'node:util'
import type { Effect } from '../../src/effects/index.ts'
import type { LocalOwner } from '../../src/ownership/local.ts'
import { Random } from '../support/random.ts'
import { Clock, Life } from './clock.ts'
import { Coverage, type Troubled } from './fate.ts'
import { PARTITIONS, Places } from './places.ts'
import type { Plan } from './plan.ts'
import { Process } from './process.ts'
import { DAY_RULES } from './shard.ts'

/** Everything in a history: the places, the processes, and what was seen of them. */
export class World {
  readonly clock = new Clock()
  readonly coverage = new Coverage()
  readonly troubled: Troubled = { outages: new Map(), full: new Map() }
  readonly places: Places
  readonly processes: Process[]
  /** every effect that was performed, by its id */
  readonly performed = new Map<string, Effect>()
  /** what is not as it must be */
  readonly differences: string[] = []

  constructor(plan: Plan) {
    const { clock, coverage, troubled } = this
    this.places = new Places(clock, new Life(), DAY_RULES, what => this.differences.push(what))
    const shared = {
      ...{ clock, coverage, troubled, places: this.places, random: new Random(plan.seed) },
      isAlone: plan.processes === 1,
      owner: () => this.owner,
      performed: (effect: Effect) => this.#perform(effect),
      fault: (step: string, error: unknown) =>
        coverage.count(`fault: ${step} (${(error as { code?: string }).code ?? (error as Error).name})`),
    }
    this.processes = Array.from({ length: plan.processes }, () => new Process(shared, plan.shards))
  }

  get owner(): LocalOwner | null {
    return this.processes.find(process => process.owner)?.owner ?? null
  }

  #perform(effect: Effect): void {
    const known = this.performed.get(effect.id)
    if (known && !isDeepStrictEqual(known.payload, effect.payload)) this.differences.push(`${effect.id} changed`)
    this.performed.set(effect.id, effect)
    this.coverage.count(`effect: ${effect.kind}`)
  }

  startAll(): void {
    for (const process of this.processes) process.start()
  }

  /** Everything that is sent has arrived, or never will. */
  async killAll(): Promise<void> {
    for (const process of this.processes) process.kill()
    await this.clock.pass(5_000)
  }

  /** Nothing outside of the processes is away or full any more. */
  calm(): void {
    this.troubled.outages.clear()
    this.troubled.full.clear()
  }

  /** Starts processes that died of what was about to happen to them. */
  revive(): void {
    for (const process of this.processes) if (!process.isUp) process.start()
  }

  readonly isWell = async (): Promise<boolean> => {
    const states = await this.owner?.states()
    return states?.length === PARTITIONS && states.every(({ stopped }) => !stopped)
  }

  /** True if the partition is refused with this code within 30 s. */
  refuses(partition: number, code: string): Promise<boolean> {
    const isRefused = async (): Promise<boolean> =>
      (await this.owner?.states())?.some(each => each.partition === partition && each.stopped?.code === code) ?? false
    return this.soon(isRefused, 30_000)
  }

  /** True if it holds within so long. */
  async soon(holds: () => Promise<boolean>, ms: number): Promise<boolean> {
    const until = this.clock.elapsed + ms
    for (;;) {
      const asked = holds().catch(() => false)
      let answer: boolean | undefined
      asked.then(value => {
        answer = value
      })
      for (const late = this.clock.elapsed + 30_000; answer === undefined && this.clock.elapsed < late; )
        await this.clock.pass(20)
      if (answer) return true
      if (this.clock.elapsed >= until) return false
      await this.clock.pass(200)
    }
  }
}
