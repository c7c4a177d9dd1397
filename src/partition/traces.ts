import type { Entry, Seq } from '../log/index.ts'
import { runsOf } from '../log/rows-entry.ts'
import { type End, hasSdk, hasTrace, inEach, traceIn } from '../observe/traces.ts'
import type { Partition } from './partition.ts'

/** Traces that a commit has a span in, at most; those beyond have none. */
const MOST_COMMITTED = 1_000
const NONE: ReadonlySet<string> = new Set()

/** Spans of what its owner does with the entries of a partition, in the traces that they belong to. */
export class Traces {
  readonly #partition: Pick<Partition, 'apply' | 'claim'>
  readonly #replayUntil: Seq
  /** traces with something that is in no commit yet */
  #applied = new Set<string>()

  /** Entries up to `replayUntil` may have been applied before. */
  constructor(partition: Pick<Partition, 'apply' | 'claim'>, replayUntil: Seq) {
    this.#partition = partition
    this.#replayUntil = replayUntil
  }

  apply(entry: Entry): void {
    const traces = tracesIn(entry)
    if (traces.size === 0) {
      this.#partition.apply(entry)
      return
    }
    const { seq } = entry
    const end = inEach('apply', traces, { ...this.#place(seq), 'rollcall.replay': seq <= this.#replayUntil })
    try {
      this.#partition.apply(entry)
    } finally {
      end()
    }
    for (const each of traces) if (this.#applied.size < MOST_COMMITTED) this.#applied.add(each)
  }

  /** The commit of what was applied up to `seq` begins. */
  commit(seq: Seq): End | undefined {
    if (this.#applied.size === 0) return undefined
    const end = inEach('commit', this.#applied, this.#place(seq))
    this.#applied = new Set()
    return end
  }

  #place(seq: Seq) {
    return { 'rollcall.partition': this.#partition.claim.partition, 'rollcall.seq': seq }
  }
}

function tracesIn(entry: Entry): ReadonlySet<string> {
  if (!hasSdk()) return NONE
  let traces: Set<string> | undefined
  for (const run of runsOf(entry)) {
    if ('beats' in run) continue
    for (const event of run) {
      if (!hasTrace(event)) continue
      const { traceparent } = traceIn(event.traceparent)
      if (traceparent !== undefined) traces = (traces ?? new Set()).add(traceparent)
    }
  }
  return traces ?? NONE
}
