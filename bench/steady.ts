import { setTimeout as pause } from 'node:timers/promises'
import { fill, sendBatch } from './http/crowd.ts'
import { cpuOf, kilobytes, quantile, rollcall } from './measure.ts'
import { keep } from './results.ts'

/**
 * A steady evening, by hand: so many viewers whose beats come in arrays of 100 at a steady rate. Gate 0.7 cores, 2.5 GB,
 * memory flat and 50 ms for 99 of 100 answers; goal 0.35 cores, 1 GB. Cores are those of the server alone; memory is its
 * own (RssAnon), and beside it all that is resident, with pages of LMDB's files that the system may drop.
 */
const VIEWERS = Number(process.env.BENCH_VIEWERS ?? 1_000_000)
const RATE = Number(process.env.BENCH_RATE ?? 33_000)
const SECONDS = Number(process.env.BENCH_SECONDS ?? 300)
const BATCH = 100
const SAMPLE_MS = 1_000
/** Batches without an answer; beyond them the server does not keep up, and the run says so. */
const MOST_UNDER_WAY = 2_000

const server = await rollcall()
await fill(server.url, VIEWERS)
const [before, began] = [cpuOf(server.pid), performance.now()]
const elapsed = (): number => performance.now() - began
const times: number[] = []
const own: number[] = []
const resident: number[] = []
const underWay = new Set<Promise<void>>()
let sent = 0

async function send(first: number): Promise<void> {
  const from = performance.now()
  await sendBatch(server.url, first, VIEWERS)
  times.push(performance.now() - from)
}

while (elapsed() < SECONDS * 1_000) {
  for (const due = (elapsed() / 1_000) * (RATE / BATCH); sent < due; sent++) {
    const sending = send((sent * BATCH) % VIEWERS)
    underWay.add(sending)
    void sending.then(() => underWay.delete(sending))
  }
  if (underWay.size > MOST_UNDER_WAY) throw new Error(`${underWay.size} batches wait after ${elapsed() / 1_000} s`)
  if (own.length < elapsed() / SAMPLE_MS) {
    own.push(kilobytes(server.pid, 'RssAnon'))
    resident.push(kilobytes(server.pid, 'VmRSS'))
  }
  await pause(5)
}
await Promise.all(underWay)
const took = elapsed()
const cores = (cpuOf(server.pid) - before) / 1_000 / took
const gigabytes = (samples: number[]) => {
  const [tenth, bytes] = [Math.ceil(samples.length / 10), samples.map(kib => (kib * 1_024) / 1e9)]
  const middle = (some: number[]): number => quantile(some, 0.5)
  // The first and the last tenth are alike where memory is flat.
  return { most: Math.max(...bytes), first: middle(bytes.slice(0, tenth)), last: middle(bytes.slice(-tenth)) }
}
await server.stop()
keep('steady', {
  ...{ viewers: VIEWERS, beatsPerSecond: (sent * BATCH * 1_000) / took, seconds: SECONDS },
  gate: { cores: 0.7, gigabytes: 2.5, p99: 50 },
  goal: { cores: 0.35, gigabytes: 1 },
  cores,
  gigabytes: gigabytes(own),
  withFiles: gigabytes(resident),
  ms: { p50: quantile(times, 0.5), p99: quantile(times, 0.99) },
})
process.exit()
