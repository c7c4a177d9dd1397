import { channel } from 'node:diagnostics_channel'

/** Steps in which all is done that has to survive a crash; a process may die before and after each. */
export const STEPS = ['checkpoint', 'documents', 'effect', 'account', 'mark', 'answer'] as const

export type Step = (typeof STEPS)[number]
export type Point = `${'before' | 'after'} ${Step}`

/** Hears of each point that the work comes to, and what the step is about. If it throws, the work ends there. */
export type Steps = (point: Point, about: unknown) => void

const points = channel('rollcall:step')

/** Tells subscribers of this thread, if there are any, of `{point, about}`; they may end the process. */
export const publishedSteps: Steps = (point, about) => {
  if (points.hasSubscribers) points.publish({ point, about })
}

/** Does the work of one step between its two points. */
export async function step<T>(steps: Steps, name: Step, about: unknown, work: () => Promise<T>): Promise<T> {
  steps(`before ${name}`, about)
  const result = await work()
  steps(`after ${name}`, about)
  return result
}
