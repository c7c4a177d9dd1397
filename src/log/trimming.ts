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

/** Forgets what arrived before `before` and is below the cut of its partition; one that fails keeps no other from it. */
export async function trimAll(log: EventLog, cuts: Map<number, Seq>, before: number, steps?: Steps): Promise<void> {
  const failures: unknown[] = []
  for (const [partition, cut] of cuts) {
    try {
      const below = await oldestNeeded(log, partition, cut, before, steps)
      await step(steps, 'trim', partition, () => log.trim(partition, below))
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} partitions were not trimmed`)
}

export interface TrimmingOptions {
  log: EventLog
  /** of the partitions that this process owns */
  cuts(): Promise<Map<number, Seq>>
  time: Time
  faults: Faults
  steps?: Steps | undefined
}

/** Trims every hour, once at a time. */
export function startTrimming({ log, cuts, time, faults, steps }: TrimmingOptions): { close(): Promise<void> } {
  let running: Promise<void> | undefined
  const trim = async (): Promise<void> => {
    const before = time.now() - KEPT_MS
    try {
      await trimAll(log, await step(steps, 'trim.cuts', null, cuts), before, steps)
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
