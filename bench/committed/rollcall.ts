import { join } from 'node:path'
import { KINDS } from '../../actors/kinds.ts'
import { memoryLiveSets } from '../../src/audience/memory.ts'
import { openCheckpoints } from '../../src/checkpoint/embedded/index.ts'
import { openDocuments } from '../../src/documents/embedded.ts'
import { openLog } from '../../src/log/embedded/writer.ts'
import { partitionOf } from '../../src/log/partition-of.ts'
import { own } from '../../src/shard/owned.ts'
import { SteadyTime, systemTime } from '../../src/time.ts'

/**
 * Takes a log from its beginning to the checkpoint, and prints the CPU it took (µs), and how much of it other threads: `… FOLDER PARTITIONS WATCHED`. So many
 * viewers are watched meanwhile, and how many there are is asked each second, if any are.
 */
const [folder, count, watched = '0'] = process.argv.slice(2)
const partitions = Number(count)
const time = new SteadyTime(systemTime)
const log = await openLog(join(folder!, 'log'), partitions, {})
await log.takeOver()
const state = join(folder!, 'state')
const [store, documents] = [openCheckpoints(state), openDocuments({ path: state })]
const owned = Array.from({ length: partitions }, (_, p) => p)
const ends = await Promise.all(owned.map(async p => (await log.bounds(p)).last))
const faults = {
  report(step: string, error: unknown): void {
    console.error(step, error)
    process.exitCode = 1
  },
}
const [before, mainBefore] = [process.cpuUsage(), process.threadCpuUsage()]
const began = performance.now()
const { control } = own({
  ...{ owner: 'bench', kinds: KINDS, log, store, documents, time, owned, partitions, flushMs: 1_000 },
  ...{ rules: { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }, live: memoryLiveSets(time) },
  receiverOf: () => ({ perform: async () => ({ outcome: 'done' as const }) }),
  ...{ faultsOf: () => faults, faults, giveUp: () => process.exit(1) },
})
await control.claimed()
let isOver = false
async function watch(n: number): Promise<void> {
  const key = `user-${n}`
  for (let after: string | null = null; !isOver; )
    after = (await control.watch(partitionOf(key, partitions), 'viewer', key, after, 1_000)).next
}
async function ask(): Promise<void> {
  for (; !isOver; await time.sleep(1_000)) await control.population('viewer')
}
const looking = Number(watched) === 0 ? [] : [ask(), ...Array.from({ length: Number(watched) }, (_, n) => watch(n))]
await Promise.all(owned.map(p => control.settled(p, ends[p]!, 600_000)))
isOver = true
await control.drain()
const { user, system } = process.cpuUsage(before)
const main = process.threadCpuUsage(mainBefore)
const cuts = await Promise.all(owned.map(async p => (await store.peek(p))!.cut))
if (cuts.some((cut, p) => cut < ends[p]!)) throw new Error(`not all is committed: ${cuts}, ${ends}`)
await Promise.all(looking)
const others = user + system - main.user - main.system
console.log(
  JSON.stringify({ cpu: user + system, others, ms: performance.now() - began, rss: process.memoryUsage().rss }),
)
process.exit()
