/** A partition: its log and its state, and what the one makes of the other. */
import { problemOf } from '../checkpoint/fit.ts'
import type { Anchor } from '../checkpoint/index.ts'
import { type Start, startsOf } from '../checkpoint/start.ts'
import type { Bounds } from '../log/index.ts'
import type { Accounts } from './accounts.ts'
import type { Checked } from './checked.ts'
import type { Derivation } from './derivation.ts'
import type { Pace } from './pace.ts'
import type { Places } from './places.ts'
import { compareRecords } from './records.ts'
import { Walk } from './walk.ts'

export interface PartitionParts {
  places: Places
  pace: Pace
  accounts: Accounts
  counts: Counts
  /** Opens the partition's derivation, from the start that is noted. */
  derive(): Promise<Derivation>
}

/** Numbers of what was looked at so far, of all partitions. */
export interface Counts {
  entries: number
  events: number
  records: number
}

const NEVER: Anchor = { cut: 0, incarnation: null, mark: null }

/** Reads the log and the state of a partition, every entry and every record, and compares them as of the last commit. */
export async function verifyPartition(checked: Checked, parts: PartitionParts): Promise<void> {
  const { places, pace, accounts, counts, derive } = parts
  const { log, cuts } = places
  const partition = checked.partition!
  const anchor = await checked.read('state', async () => (await cuts.of(partition)) ?? NEVER)
  const bounds = await log.bounds(partition)
  const from = anchor && (await beginningOf(checked, places, anchor, bounds))
  if (from) checked.from = from
  const derivation = (from !== undefined && (await checked.read('state', derive))) || null
  const walk = new Walk({ log, partition, derivation, pace, checked, counts })
  if (bounds) await walk.read(bounds.first, bounds.last, anchor?.cut ?? 0)
  const held = await checked.read('state', () => cuts.hold(partition))
  if (!held) return
  try {
    const { cut } = held.anchor
    if (cut === 0 && bounds && bounds.last >= bounds.first)
      checked.note('its checkpoint is empty: a server makes it anew from the log, and then it can be compared')
    else if (await walk.goOnTo(cut)) {
      checked.start = from?.cut ?? 0
      checked.cut = cut
      await accounts.end(held, derivation!.records(['outbox']))
      if (accounts.trimmed > 0) checked.note(`accounts of ${accounts.trimmed} effects are no longer kept`)
    }
    await compareRecords(held, checked.start === null ? null : derivation, { checked, pace, counts })
  } finally {
    held.release()
  }
}

/** Undefined: it cannot be derived, and it is said why. */
async function beginningOf(
  checked: Checked,
  { log, kept }: Places,
  anchor: Anchor,
  bounds: Bounds | null,
): Promise<Start | undefined> {
  const partition = checked.partition!
  const problem = await checked.read('log', () => problemOf(anchor, log, partition))
  if (problem) {
    const holds = bounds ? `the log holds ${bounds.first} to ${bounds.last}` : 'there is no log'
    const text = `${problem}: the cut is ${anchor.cut}, ${holds}`
    checked.tell({ of: 'log', name: `partition ${partition}`, text })
  }
  if (problem !== null || !bounds) return undefined
  const { cut } = anchor
  const starts = await checked.read('state', () => startsOf(log, kept, { partition, bounds, cut }))
  const start = starts?.[0]
  if (start === undefined)
    checked.note(`its log begins at ${bounds.first}, and no checkpoint from before is kept: its state is not derived`)
  return start
}
