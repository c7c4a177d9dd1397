import type { Point, Steps } from '../../src/observe/steps.ts'

/** Something that processes work on, one after another, until all is done. */
export interface Scene {
  /** The work of one process, from what is durable on; `died` is about to have ended it. */
  live(steps: Steps, died: Promise<never>): Promise<unknown>
  /** all that outlives the processes, but for what says how often they began */
  remains(): Promise<unknown>
  close?(): void
}

/** Time goes on by so much at once. */
export const STEP_MS = 500

class Death extends Error {}

/** A process that dies when it has come to a point so many times; nothing that it does gets past another one. */
class Mortal {
  readonly died = Promise.withResolvers<never>()
  readonly #point: Point
  #left: number

  constructor(point: Point, times: number) {
    this.#point = point
    this.#left = times
    this.died.promise.catch(() => {})
  }

  get isDead(): boolean {
    return this.#left <= 0
  }

  readonly steps: Steps = point => {
    if (this.isDead || (point === this.#point && --this.#left === 0)) {
      const death = new Death(`dead ${this.#point}`)
      this.died.reject(death)
      throw death
    }
  }
}

/** Lets time go on for the work until it is done, or the process dies; answers with its result. */
export async function passing<T>(
  pass: (ms: number) => Promise<void>,
  work: Promise<T>,
  died: Promise<never>,
): Promise<T> {
  let isDone = false
  const ended = work.finally(() => {
    isDone = true
  })
  ended.catch(() => {})
  while (!isDone) await Promise.race([pass(STEP_MS), died])
  return ended
}

const never = new Promise<never>(() => {})

/** Counts how often undisturbed work comes to each point, and shows the remains. */
export async function undisturbed(scene: Scene): Promise<{ times: Map<Point, number>; remains: unknown }> {
  const times = new Map<Point, number>()
  await scene.live(point => void times.set(point, (times.get(point) ?? 0) + 1), never)
  return { times, remains: await scene.remains() }
}

/**
 * Has a process die at a point, for the nth time that it comes there, after a first time also the next one, if it still
 * comes there, and another go on; answers with the remains, or null if the first process has ended before: how much is
 * read at once is a matter of the machine.
 */
export async function crashed(
  scene: Scene,
  point: Point,
  nth: number,
): Promise<{ crashes: number; left: unknown } | null> {
  if (!(await dies(scene, point, nth))) return null
  const again = nth === 1 && (await dies(scene, point, 1))
  await scene.live(() => {}, never)
  return { crashes: again ? 2 : 1, left: await scene.remains() }
}

async function dies(scene: Scene, point: Point, nth: number): Promise<boolean> {
  const mortal = new Mortal(point, nth)
  await scene.live(mortal.steps, mortal.died.promise).catch(error => {
    if (!mortal.isDead) throw error
  })
  return mortal.isDead
}

/** The first, one in the middle, and the last of so many times; on a disk one of them. */
export const someOf = (times: number, isOnDisk: boolean): number[] =>
  isOnDisk ? [Math.ceil(times / 2)] : [...new Set([1, Math.ceil(times / 2), times])]
