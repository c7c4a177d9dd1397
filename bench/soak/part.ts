import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../test/support/random.ts'

/** Breaks something for about so many ms; resolves when that is over. */
export type Fault = (ms: number) => Promise<void>

/** A part has its faults one after the other, while others have theirs. */
export interface Part {
  name: string
  /** ms between two of its faults at most */
  every: number
  faults: Record<string, Fault>
}

const LONGEST_MS = 5_000

/** Faults of all parts until the signal; resolves when the last of them is over. */
export async function disturb(parts: Part[], random: Random, signal: AbortSignal, counts: Map<string, number>) {
  await Promise.all(
    parts.map(async ({ name, every, faults }) => {
      for (;;) {
        await pause(random.int(500, every), undefined, { signal }).catch(() => {})
        if (signal.aborted) return
        const kind = random.pick(Object.keys(faults))
        // Most are short: the answer that comes all the same is another case than the one that does not.
        await faults[kind]!(random.chance(0.6) ? random.int(20, 1_000) : random.int(1_000, LONGEST_MS))
        const place = `${name.replace(/ \d/g, '')}: ${kind}`
        counts.set(place, (counts.get(place) ?? 0) + 1)
      }
    }),
  )
}

/** A fault that is over when `heal` is done, which comes so much later. */
export const between =
  (harm: () => unknown, heal: () => unknown): Fault =>
  async ms => {
    await harm()
    await pause(ms)
    await heal()
  }
