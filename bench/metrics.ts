import { fileURLToPath } from 'node:url'
import { Meter } from '../src/observe/meter.ts'
import { systemTime } from '../src/time.ts'
import { BEATS, committed } from './committed/rounds.ts'
import { median, ROUNDS, say } from './measure.ts'

/**
 * CPU of a heartbeat from the log to the checkpoint with the counts of `/metrics`, against the same with these taken out of
 * the source (see `committed.ts` for the mix); and what the counting alone takes, which a busy machine does not blur.
 */
const [USERS, ENTRY] = [10_000, 100]
const UNCOUNTED = ['--import', fileURLToPath(new URL('committed/uncounted.ts', import.meta.url))]
const BEATS_COUNTED = 50_000_000
const TRANSITION_EVERY = 10

/** ns of CPU that `work` takes for each of so many. */
function each(count: number, work: (n: number) => void): number {
  const before = process.cpuUsage()
  for (let n = 0; n < count; n++) work(n)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1_000) / count
}

/** ns of what a beat counts in a shard, whose partitions have meters of their own. */
function counting(): number {
  const partitions = Array.from({ length: 16 }, () => {
    const meter = new Meter()
    return {
      pulses: meter.count('rollcall_pulses_total'),
      transitions: meter.count('rollcall_transitions_total', { kind: 'viewer' }),
      spent: meter.count('rollcall_transition_seconds_total'),
      batches: meter.spread('rollcall_batch_events'),
    }
  })
  return each(BEATS_COUNTED, n => {
    const { pulses, transitions, spent, batches } = partitions[n & 15]!
    if (n % TRANSITION_EVERY === 0) transitions.n++
    else pulses.n++
    if (n % ENTRY !== 0) return
    spent.n += systemTime.monotonic()
    batches.add(ENTRY)
  })
}

/** ns of what an answer over HTTP counts. */
function answering(): number {
  const labels = { method: 'POST', route: '/heartbeats', status: '202' }
  const spread = new Meter().spread('rollcall_http_request_seconds', labels)
  return each(BEATS_COUNTED / 10, () => {
    const began = systemTime.monotonic()
    spread.add((systemTime.monotonic() - began) / 1_000)
  })
}

const rounds: { counted: number; uncounted: number; counting: number; answering: number }[] = []
for (let round = 0; round < ROUNDS; round++) {
  const took = { counted: 0, uncounted: 0 }
  // The first of a round has another machine than the second.
  for (const side of round % 2 === 0 ? (['counted', 'uncounted'] as const) : (['uncounted', 'counted'] as const))
    took[side] = await committed(USERS, BEATS, ENTRY, { flags: side === 'counted' ? [] : UNCOUNTED })
  rounds.push({ ...took, counting: counting(), answering: answering() })
}
const of = (name: keyof (typeof rounds)[number]): number => median(rounds.map(round => round[name]))
const beat = of('uncounted')
say({
  claim: 'log to committed, with the counts of /metrics, CPU a beat',
  against: 'without them',
  ratio: median(rounds.map(round => round.counted / round.uncounted)),
  method: `${BEATS} beats each, ${ROUNDS} rounds: ${of('counted').toFixed(3)} / ${beat.toFixed(3)} µs; less is better, 1.02 is too much`,
})
say({
  claim: 'the counts of a beat',
  against: 'a beat from the log to committed',
  ratio: of('counting') / 1_000 / beat,
  method: `${of('counting').toFixed(2)} ns / ${beat.toFixed(3)} µs; less is better, 0.02 is too much`,
})
say({
  claim: 'the time of an answer',
  against: 'a beat from the log to committed, which is less than a request',
  ratio: of('answering') / 1_000 / beat,
  method: `${of('answering').toFixed(2)} ns / ${beat.toFixed(3)} µs; less is better`,
})
