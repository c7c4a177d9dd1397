import type { KeptSlices } from '../checkpoint/kept.ts'
import type { Start } from '../checkpoint/start.ts'
import type { LogPeek } from '../log/embedded/peek.ts'
import type { Entry, Seq } from '../log/index.ts'
import { countOf } from '../log/rows-entry.ts'
import type { Faults } from '../observe/index.ts'
import type { Partition } from '../partition/partition.ts'
import type { Time } from '../time.ts'
import { type Alone, seeded } from './seed.ts'
import { Sieve } from './sieve.ts'
import { Trail } from './trail.ts'

/** Events that may still be read, and until when, by the monotonic clock. */
export interface Budget {
  events: number
  until: number
  /** its first is no longer 0 once nobody waits any more */
  stop: Int32Array
}

/** A past that leads up to now. */
export interface Derived {
  start: Start
  trail: Trail
  /** ms; arrival of the first event that was read */
  firstAt: number | null
  stopped: null
}

/** A past that does not: too much is to be read, or an entry is damaged or gone. */
export interface Underived {
  start: Start
  stopped: 'budget' | 'damage'
}

export interface DerivationParts {
  log: LogPeek
  slices: KeptSlices
  time: Time
  faults: Faults
}

/** Derives the actor from a start on, up to an entry. */
export async function derive(
  alone: Alone,
  { log, slices, time, faults }: DerivationParts,
  { start, first, until, limit, budget }: { start: Start; first: Seq; until: Seq; limit: number; budget: Budget },
): Promise<Derived | Underived> {
  const isSpent = (): boolean =>
    budget.events <= 0 || time.monotonic() >= budget.until || Atomics.load(budget.stop, 0) !== 0
  const partition = await seeded(alone, slices, start, isSpent)
  if (!partition) return { start, stopped: 'budget' }
  const sieve = new Sieve(partition, alone.kind, alone.key)
  const trail = new Trail(partition, alone, limit, { time, faults })
  let firstAt: number | null = null
  let last = start ? start.cut : first - 1
  // The first entry says when it begins.
  const isOfUse = (value: Uint8Array): boolean => firstAt === null || sieve.isOfUse(value)
  for await (const found of log.entries(alone.partition, last + 1, until, isOfUse)) {
    for (const entry of found) {
      if ('error' in entry || entry.seq !== last + 1) return { start, stopped: 'damage' }
      last = entry.seq
      firstAt ??= entry.events[0]?.arrival ?? null
      budget.events -= countOf(entry)
      for (const piece of sieve.pieces(entry)) await apply(partition, piece)
    }
    // Nobody commits what was gathered for a commit.
    partition.take()
    if (last < until && isSpent()) return { start, stopped: 'budget' }
  }
  return last < until ? { start, stopped: 'damage' } : { start, trail, firstAt, stopped: null }
}

async function apply(partition: Partition, entry: Entry): Promise<void> {
  await partition.prepare([entry])
  partition.apply(entry)
}
