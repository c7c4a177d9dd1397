import type { Time } from './time.ts'

/** How often something is tried, as data. */
export interface Policy {
  /** ms between attempts, the last of them again and again */
  pauses: readonly number[]
  /** attempts at most; without a bound unless told */
  attempts?: number
  /** ms from the first attempt, after which none follows; without a bound unless told */
  patienceMs?: number
}

/** Work that has to be done is tried until it is. */
export const UNTIL_DONE: Policy = { pauses: [50, 200, 1_000, 5_000] }

export interface RetryOptions {
  time: Time
  /** Whether another attempt is in vain. */
  isFinal?(error: unknown): boolean
  /** Hears of an attempt that failed and is followed by another. */
  failed?(error: unknown): void
  /** Waits for the next attempt, where something else than time may bring it sooner. */
  pause?(ms: number): Promise<void>
  /** aborted, no attempt follows */
  signal?: AbortSignal | undefined
}

/** Repeats work until it succeeds. Rejects with the last failure when the policy, the signal or `isFinal` says so. */
export async function retry<T>(
  work: (attempt: number) => Promise<T>,
  { pauses, attempts = Number.POSITIVE_INFINITY, patienceMs = Number.POSITIVE_INFINITY }: Policy,
  { time, isFinal, failed, signal, pause = ms => time.sleep(ms, signal) }: RetryOptions,
): Promise<T> {
  const until = time.monotonic() + patienceMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt)
    } catch (error) {
      const left = until - time.monotonic()
      if (isFinal?.(error) || signal?.aborted || attempt >= attempts || left <= 0) throw error
      failed?.(error)
      await pause(Math.min(pauses[Math.min(attempt, pauses.length) - 1]!, left))
      if (signal?.aborted) throw error
    }
  }
}
