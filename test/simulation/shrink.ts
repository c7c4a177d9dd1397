import type { Input, Plan, Step } from './plan.ts'

/** A history is played no more often to make it shorter. */
const MOST_TRIES = 400

/** The shortest history found that still fails, by leaving out ever smaller parts of it. */
export async function shrunk(plan: Plan, fails: (plan: Plan) => Promise<boolean>): Promise<Plan> {
  let tries = 0
  let shortest = plan
  const without = async (steps: Step[]): Promise<boolean> => {
    const shorter = { ...shortest, steps }
    if (tries++ >= MOST_TRIES || !(await fails(shorter))) return false
    shortest = shorter
    return true
  }
  for (let size = Math.ceil(plan.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < shortest.steps.length; )
      if (!(await without(shortest.steps.toSpliced(from, size)))) from += size
  }
  for (let i = 0; i < shortest.steps.length; i++) {
    for (const n of sentBy(shortest.steps[i]!)) {
      const step = shortest.steps[i]!
      const left = sentBy(step).filter(each => each !== n)
      if (left.length > 0) await without(shortest.steps.with(i, { ...step, send: left } as Step))
    }
  }
  return withInputsOf(shortest)
}

const sentBy = (step: Step): number[] => ('send' in step ? step.send : [])

/** The inputs that no step sends would be sent at the end; they are left out with it, if it then still fails. */
function withInputsOf(plan: Plan): Plan {
  const numbers = [...new Set(plan.steps.flatMap(sentBy))]
  const inputs = numbers.map(n => plan.inputs[n]!)
  const steps = plan.steps.map(step =>
    'send' in step ? { ...step, send: step.send.map(n => numbers.indexOf(n)) } : step,
  )
  return { ...plan, inputs, steps }
}

/** A history in words, a step a line. */
export function told({ processes, shards, inputs, steps }: Plan): string[] {
  const [first, ...others] = [
    `${processes} process${processes > 1 ? 'es' : ''} of ${shards} shard${shards > 1 ? 's' : ''}`,
  ]
  return [
    first!,
    ...others,
    ...steps.flatMap(step => tellStep(step, inputs)),
    'Nothing disturbs any more, and all is sent that was not taken.',
  ]
}

function tellStep(step: Step, inputs: Input[]): string[] {
  if ('send' in step) return step.send.map(n => `to process ${step.to}: ${JSON.stringify(inputs[n])}`)
  if ('pass' in step) return [`${step.pass} ms pass`]
  if ('arm' in step) return [`process ${step.of}: call ${step.nth} from now to ${step.arm} meets: ${step.trouble}`]
  if ('outage' in step) return [`${step.outage} is away for ${step.ms} ms`]
  if ('killShard' in step) return [`process ${step.of}: shard ${step.killShard} dies`]
  if ('skew' in step) return [`process ${step.of}: its clock is ${step.skew} ms ahead`]
  if ('loseTail' in step)
    return [`all processes die, and partition ${step.loseTail} loses ${step.entries} entries until it is put back`]
  if ('dieAt' in step) return [`process ${step.of}: dies ${step.dieAt.point}, the ${step.dieAt.nth}. time from now`]
  if ('full' in step) return [`the disk is full for ${step.ms} ms: ${step.full}`]
  if ('trim' in step) return [`the log's entries go that are in a checkpoint and ${step.trim} ms old`]
  if ('keep' in step) return [`somebody makes a copy of the checkpoint of partition ${step.keep}`]
  if ('putBack' in step)
    return [`all processes die, and partition ${step.putBack} finds that copy in the place of its own`]
  if ('flush' in step) return ['all that is in Redis is gone']
  if ('lose' in step)
    return [`all processes die, and lost is: ${step.lose}; the next dies ${step.death.point} (${step.death.nth})`]
  if ('known' in step) return [`${step.known} turns out to have had a session with another program`]
  if ('recompute' in step) return [`all processes die, and somebody recomputes: ${JSON.stringify(step.recompute)}`]
  const [[verb, n]] = Object.entries(step) as [[string, number]]
  return [`process ${n}: ${verb}`]
}
