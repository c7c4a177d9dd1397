import type { Entry } from '../log/index.ts'
import { countOf } from '../log/rows-entry.ts'
import type { Meter } from '../observe/meter.ts'
import type { Time } from '../time.ts'

const SLICE_MS = 5

/** Applies entries that were prepared, until the signal aborts; others of the thread take their turn in between. */
export async function applyInSlices(
  entries: readonly Entry[],
  { meter, time, signal, apply }: { meter: Meter; time: Time; signal: AbortSignal; apply(entry: Entry): void },
): Promise<void> {
  const spent = meter.count('rollcall_transition_seconds_total')
  let events = 0
  let began = time.monotonic()
  for (const entry of entries) {
    if (signal.aborted) return
    apply(entry)
    events += countOf(entry)
    const ms = time.monotonic() - began
    if (ms < SLICE_MS) continue
    spent.n += ms / 1_000
    await time.turn()
    began = time.monotonic()
  }
  spent.n += (time.monotonic() - began) / 1_000
  meter.spread('rollcall_batch_events').add(events)
}
