export interface Insistence {
  /** an attempt failed and another one follows */
  failed(step: string, error: unknown): void
  /** whether another attempt is in vain */
  isFinal(error: unknown): boolean
  sleep(ms: number): Promise<void>
}

const RETRY_MS = [50, 200, 1_000, 5_000]

/** Repeats a step of what has to be done until it succeeds; throws only what is final. */
export async function insist<T>(step: string, work: () => Promise<T>, options: Insistence): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (options.isFinal(error)) throw error
      options.failed(step, error)
      await options.sleep(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)]!)
    }
  }
}
