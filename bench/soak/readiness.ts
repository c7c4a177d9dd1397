import { setTimeout as pause } from 'node:timers/promises'

const EVERY_MS = 100
const ANSWER_MS = 5_000

/** Empty where the process says that all partitions are owned and go on. */
const unready = (url: string): Promise<string> =>
  fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) }).then(
    async reply => (reply.ok ? '' : `${reply.status} ${await reply.text()}`),
    error => String(error.cause ?? error),
  )

/** Resolves when each of them is ready, with after how many ms; rejects when it is late. */
export async function ready(urls: string[], late: AbortSignal): Promise<number> {
  for (const began = performance.now(); ; await pause(EVERY_MS)) {
    const said = (await Promise.all(urls.map(unready))).filter(text => text !== '')
    if (said.length === 0) return performance.now() - began
    if (late.aborted) throw new Error(`it is not ready long after it was healed: ${said.join(', ').slice(0, 2_000)}`)
  }
}

/** Until the signal: the longest that none of them was ready, ms. */
export async function longestAway(urls: string[], signal: AbortSignal): Promise<number> {
  let longest = 0
  const last = urls.map(() => performance.now())
  await Promise.all(
    urls.map(async (url, i) => {
      while (!signal.aborted) {
        if ((await unready(url)) === '') last[i] = performance.now()
        longest = Math.max(longest, performance.now() - Math.max(...last))
        await pause(EVERY_MS)
      }
    }),
  )
  return longest
}
