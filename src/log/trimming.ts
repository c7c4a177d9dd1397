import type { Faults } from '../observe/index.ts'
import { eachStep, type Steps, step } from '../observe/steps.ts'
import type { Time } from '../time.ts'
import type { EventLog, Seq } from './index.ts'

const EVERY_MS = 3_600_000
/** An entry stays so long, though the checkpoint holds it. */
export const KEPT_MS = 7 * 86_400_000

/** The greatest seq up to `cut` such that everything before it arrived before `before`. */
export async function oldestNeeded(
  log: EventLog,
  partition: number,
  cut: Seq,
  before: number,
  steps?: Steps,
): Promise<Seq> {
  const { first, last } = await step(steps, 'trim.bounds', partition, () => log.bounds(partition))
  let [low, high] = [first, Math.min(cut, last)]
  if (low > high || (await arrivalOf(log, partition, low, steps)) >= before) return Math.min(low, cut)
  // The entry at `low` is older; the one after `high` is not, or is beyond the cut.
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((await arrivalOf(log, partition, middle, steps)) < before) low = middle
    else high = middle - 1
  }
  return Math.min(low + 1, cut)
}

async function arrivalOf(log: EventLog, partition: number, seq: Seq, steps?: Steps): Promise<number> {
  const end = new AbortController()
  try {
    const read = eachStep(steps, 'trim.look', partition, log.read(partition, seq - 1, end.signal))
    for await (const [entry] of read) return entry!.events[0]?.arrival ?? 0
  } finally {
    end.abort()
  }
  throw new Error(`the log of partition ${partition} holds no entry ${seq}`)
}

/** Copies of the checkpoint of a partition: those there are, newest first, and a new one. */
interface Keeper {
  kept(partition: number): Promise<readonly Copy[]>
  keep(partition: number): Promise<Copy | null>
}

interface Copy {
  cut: Seq
  /** ms; when it was made */
  at: number
}

/** Answers up to where the log may go since its state is kept, and has it kept anew where that is long ago. */
type KeptUntil = (partition: number) => Promise<Seq>

/** Forgets what arrived before `before` and is below the cut of its partition; one that fails keeps no other from it. */
export async function trimAll(
  log: EventLog,
  cuts: Map<number, Seq>,
  before: number,
  keptUntil: KeptUntil,
  steps?: Steps,
): Promise<void> {
  const failures: unknown[] = []
  for (const [partition, cut] of cuts) {
    try {
      const needed = await oldestNeeded(log, partition, cut, before, steps)
      const { first } = await step(steps, 'trim.first', partition, () => log.bounds(partition))
      if (needed <= first) continue
      const below = Math.min(needed, (await keptUntil(partition)) + 1)
      await step(steps, 'trim', partition, () => log.trim(partition, below))
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} partitions were not trimmed`)
}

/** The cut of the newest copy, which is made anew when it is half as old as what the log holds. */
async function keptUntil(keeper: Keeper, partition: number, now: number, steps?: Steps): Promise<Seq> {
  const [newest] = await step(steps, 'trim.copies', partition, () => keeper.kept(partition))
  if (newest && Math.abs(now - newest.at) <= KEPT_MS / 2) return newest.cut
  const made = await step(steps, 'trim.keep', partition, () => keeper.keep(partition))
  return (made ?? newest)?.cut ?? 0
}

export interface TrimmingOptions {
  log: EventLog
  /** of the partitions that this process owns */
  cuts(): Promise<Map<number, Seq>>
  /** Copies of checkpoints, by which `rollcall verify` begins where the log does. */
  keeper: Keeper
  time: Time
  faults: Faults
  steps?: Steps | undefined
}

/** Trims every hour, once at a time. */
export function startTrimming({ log, cuts, keeper, time, faults, steps }: TrimmingOptions): { close(): Promise<void> } {
  let running: Promise<void> | undefined
  const trim = async (): Promise<void> => {
    const before = time.now() - KEPT_MS
    try {
      const now = await step(steps, 'trim.cuts', null, cuts)
      await trimAll(log, now, before, partition => keptUntil(keeper, partition, time.now(), steps), steps)
    } catch (error) {
      faults.report('trim', error)
    }
    running = undefined
  }
  const cancel = time.every(EVERY_MS, () => {
    running ??= trim()
  })
  return {
    async close() {
      cancel()
      await running
    },
  }
}
