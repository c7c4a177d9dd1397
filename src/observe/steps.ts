import { channel } from 'node:diagnostics_channel'

/**
 * The steps of work that has to survive a crash, each at one place in the source; a process may die before and after each.
 * Such work waits for nothing that outlives the process but in a step (`test/crash-points`).
 */
export const STEPS = [
  // commit and projection
  'checkpoint',
  'documents',
  'upsert',
  'remove',
  'sums',
  // effects
  'effect',
  'account',
  'account.write',
  'account.oldest',
  'account.sweep',
  'mark',
  'answer',
  // receivers
  'viewers.remove',
  'feed.generate',
  'feed.request',
  'channels.renew',
  'channels.send',
  'devices.push',
  'devices.remove',
  'output',
  // claim and replay
  'claim',
  'claim.fit',
  'claim.bounds',
  'claim.records',
  'claim.deadlines',
  'claim.presence',
  'claim.word',
  'claim.anew',
  'read',
  'prepare',
  'tick',
  // lease
  'lease.look',
  'lease.make',
  'lease.take',
  'lease.renew',
  'lease.release',
  // adoption
  'adopt.peek',
  'adopt.look',
  'adopt.seqs',
  'adopt.bounds',
  'adopt.renew',
  'adopt.renewed',
  'adopt.claim',
  'adopt.commit',
  'adopt.keep',
  // repair
  'repair.places',
  'repair.log',
  'repair.database',
  'repair.checkpoints',
  'repair.fit',
  'repair.damage',
  'repair.stores',
  'repair.loss',
  'repair.forget',
  'repair.keeper',
  'repair.claim',
  'repair.bounds',
  'repair.problem',
  'repair.whole',
  'repair.renew',
  'repair.renewed',
  'repair.commit',
  'repair.keep',
  'repair.documents',
  // trimming
  'trim.cuts',
  'trim.bounds',
  'trim.look',
  'trim.first',
  'trim.copies',
  'trim.keep',
  'trim',
  // recomputation
  'recompute.stores',
  'recompute.links',
  'recompute.tenure',
  'recompute.claims',
  'recompute.states',
  'recompute.begin',
  'recompute.ask',
  'recompute.end',
  'anew.adopt',
  'anew.days',
  'anew.ask',
  'anew.find',
  'anew.remove',
] as const

export type Step = (typeof STEPS)[number]
export type Point = `${'before' | 'after'} ${Step}`

/** Hears of each point that the work comes to, and what the step is about. If it throws, the work ends there. */
export type Steps = (point: Point, about: unknown) => void

const points = channel('rollcall:step')

/** Tells subscribers of this thread, if there are any, of `{point, about}`; they may end the process. */
const published: Steps = (point, about) => points.publish({ point, about })

/** Hearers of the points: those that are given, or else subscribers; undefined: there are none, and nothing costs. */
const heardBy = (given: Steps | undefined): Steps | undefined =>
  given ?? (points.hasSubscribers ? published : undefined)

/** Does the work of one step between its two points. */
export function step<T>(given: Steps | undefined, name: Step, about: unknown, work: () => Promise<T>): Promise<T> {
  const steps = heardBy(given)
  return steps ? between(steps, name, about, work) : work()
}

async function between<T>(steps: Steps, name: Step, about: unknown, work: () => Promise<T>): Promise<T> {
  steps(`before ${name}`, about)
  const result = await work()
  steps(`after ${name}`, about)
  return result
}

/** Has each step towards the next of the things that come one by one, and to their end, between its two points. */
export function eachStep<T>(
  given: Steps | undefined,
  name: Step,
  about: unknown,
  source: AsyncIterable<T>,
): AsyncIterable<T> {
  const steps = heardBy(given)
  if (!steps) return source
  return {
    [Symbol.asyncIterator]() {
      const inner = source[Symbol.asyncIterator]()
      const end = inner.return?.bind(inner)
      return { next: () => between(steps, name, about, () => inner.next()), ...(end && { return: end }) }
    },
  }
}
