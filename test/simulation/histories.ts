import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Random } from '../support/random.ts'
import { Coverage, DISKS, PLACES } from './fate.ts'
import { type Plan, planOf } from './plan.ts'
import { Run } from './run.ts'
import { shrunk, told } from './shrink.ts'

/**
 * Plays histories, each made by its seed: `npm run histories -- --seed 1 --histories 2000`, or one that was written
 * down: `-- --play FILE`. Ends with 0 when all of them end as they must, and says how often what occurred.
 */

/** What a thread plays: every `step`th seed. */
interface Share {
  first: number
  end: number
  step: number
}

interface Played {
  seed: number
  differences: string[]
}

const planOfSeed = (seed: number): Plan => planOf(seed, new Random(seed))

async function play({ first, end, step }: Share): Promise<{ failed: Played[]; counts: [string, number][] }> {
  // Many errors are no more than answers here, and where they come from takes long to find out.
  Error.stackTraceLimit = 0
  const coverage = new Coverage()
  const failed: Played[] = []
  for (let seed = first; seed < end && failed.length === 0; seed += step) {
    const outcome = await new Run(planOfSeed(seed)).play()
    coverage.add(outcome.coverage)
    if (outcome.differences.length > 0) failed.push({ seed, differences: outcome.differences })
  }
  return { failed, counts: [...coverage.counts] }
}

function inThread(share: Share): ReturnType<typeof play> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: share })
    worker.once('message', resolve).once('error', reject)
  })
}

/** The figures of it, in a line. */
function summary(histories: number, { counts }: Coverage): string {
  const sum = (is: (name: string) => boolean): string =>
    [...counts].reduce((total, [name, times]) => total + (is(name) ? times : 0), 0).toLocaleString('en')
  const faults = sum(name => isFault(name))
  const crashes = sum(name => CRASHES.test(name))
  const events = sum(name => name.startsWith('event: '))
  return `${histories.toLocaleString('en')} histories, ${events} events, ${faults} faults, ${crashes} crashes: all agree`
}

/** A place or a disk that met something, and what was done to a process or to all of it. */
const isFault = (name: string): boolean =>
  [...PLACES, ...DISKS].some(place => name.startsWith(`${place}: `)) || /^(dead |disturbed: )/.test(name)
const CRASHES = /^(dead |disturbed: kill|\w+: crash )/

/** Tells of a history that ended otherwise than it must, as short as it gets. */
async function tell(plan: Plan, differences: string[]): Promise<void> {
  const fails = async (shorter: Plan): Promise<boolean> => (await new Run(shorter).play()).differences.length > 0
  console.log(`seed ${plan.seed}:\n  ${differences.slice(0, 10).join('\n  ')}`)
  const shortest = await shrunk(plan, fails)
  const { differences: left } = await new Run(shortest).play()
  const shown = left.length > 0 ? shortest : plan
  const file = join(tmpdir(), `history-${plan.seed}.json`)
  writeFileSync(file, JSON.stringify(shown))
  console.log(
    `as short as it gets:\n  ${told(shown).join('\n  ')}\nthen:\n  ${(left.length > 0 ? left : differences).slice(0, 10).join('\n  ')}`,
  )
  console.log(`play it again: npm run histories -- --play ${file}`)
}

async function main(): Promise<boolean> {
  const options = {
    seed: { type: 'string' },
    histories: { type: 'string', default: '2000' },
    play: { type: 'string' },
  } as const
  const { values } = parseArgs({ options })
  if (values.play !== undefined) {
    const plan = JSON.parse(readFileSync(values.play, 'utf8')) as Plan
    const { differences } = await new Run(plan).play()
    console.log([...told(plan), ...differences].join('\n'))
    return differences.length === 0
  }
  const first = Number(values.seed ?? Date.now() % 1_000_000_007)
  const histories = Number(values.histories)
  console.log(`${histories} histories from seed ${first}`)
  const threads = Math.min(availableParallelism(), histories)
  const shares = Array.from({ length: threads }, (_, n) => ({
    first: first + n,
    end: first + histories,
    step: threads,
  }))
  const played = await Promise.all(shares.map(inThread))
  const coverage = new Coverage()
  for (const { counts } of played) for (const [name, times] of counts) coverage.count(name, times)
  for (const [name, times] of [...coverage.counts].sort()) console.log(`${String(times).padStart(9)}  ${name}`)
  const [failed] = played.flatMap(each => each.failed)
  if (failed) await tell(planOfSeed(failed.seed), failed.differences)
  else console.log(summary(histories, coverage))
  return failed === undefined
}

// An exit by force would cut off what is not written yet.
if (isMainThread) process.exitCode = (await main()) ? 0 : 1
else parentPort!.postMessage(await play(workerData as Share))
