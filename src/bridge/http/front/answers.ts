import type { FastifyInstance } from 'fastify'
import type { Meter, Spread } from '../../../observe/meter.ts'
import { METRICS } from '../../../observe/metrics.ts'
import type { Cancel } from '../../../time.ts'
import type { Bridge } from '../../index.ts'
import type { Answers } from './figures.ts'

const NAME = 'rollcall_http_request_seconds'
const { bounds } = METRICS[NAME]
/** Routes of those who look how the process does, which says nothing of how it serves others. */
const OF_LOOKS = new Set(['/', '/figures', '/figures.json', '/metrics', '/livez', '/readyz'])
const [LOOK_MS, MINUTE_MS] = [5_000, 60_000]

interface Noted {
  at: number
  counts: number[]
}

/** Times of the answers of the last minute; null: there were none. While it listens it notes how all of them stand. */
export function lastAnswers(app: FastifyInstance, bridge: Bridge): () => Answers | null {
  const noted: Noted[] = []
  const now = (): Noted => ({ at: bridge.time.monotonic(), counts: countsIn(bridge.exposition.meter) })
  const note = (): void => {
    noted.push(now())
    if (noted.length > MINUTE_MS / LOOK_MS + 1) noted.shift()
  }
  let cancel: Cancel | undefined
  app.addHook('onListen', async () => {
    note()
    cancel = bridge.time.every(LOOK_MS, note)
  })
  app.addHook('onClose', async () => cancel?.())
  return () => {
    const { at, counts } = now()
    const since = noted.find(each => at - each.at <= MINUTE_MS)
    const fresh = counts.map((count, i) => count - (since?.counts[i] ?? 0))
    const all = fresh.reduce((sum, count) => sum + count, 0)
    if (all === 0) return null
    const seconds = Math.max(1, (at - (since?.at ?? 0)) / 1_000)
    return { aSecond: all / seconds, p50Ms: quantile(fresh, all, 0.5), p99Ms: quantile(fresh, all, 0.99) }
  }
}

function countsIn(meter: Meter): number[] {
  const sums = Array<number>(bounds.length + 1).fill(0)
  for (const { name, labels, value } of meter.read()) {
    if (name === NAME && !OF_LOOKS.has(labels.route!))
      for (const [i, count] of (value as Spread).counts.entries()) sums[i]! += count
  }
  return sums
}

/** In ms, as if the times between two bounds were spread evenly; above the last bound it is that bound. */
function quantile(counts: readonly number[], all: number, part: number): number {
  let rest = all * part
  for (const [i, count] of counts.entries()) {
    const [low, high] = [bounds[i - 1] ?? 0, bounds[i] ?? bounds.at(-1)!]
    if (rest <= count) return 1_000 * (low + (high - low) * (rest / Math.max(1, count)))
    rest -= count
  }
  return 1_000 * bounds.at(-1)!
}
