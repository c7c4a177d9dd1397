import type { Tap } from '../src/inspect/tap.ts'
import { BEATS, committed } from './committed/rounds.ts'
import { median, ROUNDS, say } from './measure.ts'

/**
 * CPU of a heartbeat from the log to the checkpoint while 32 of 10,000 viewers are watched and their edges are counted,
 * against the same while nobody looks; and what it costs then to find out that nobody does. See `committed.ts` for the mix.
 */
const [USERS, WATCHED, ENTRY] = [10_000, 32, 100]
const CHECKS = 200_000_000

/** ns of a look at whether a partition has a tap; the loop itself counts. */
function checked(): number {
  const partitions: { tap: Tap | null; beats: number }[] = Array.from({ length: 16 }, () => ({ tap: null, beats: 0 }))
  const before = process.cpuUsage()
  for (let n = 0; n < CHECKS; n++) {
    const partition = partitions[n & 15]!
    if (partition.tap !== null) partition.beats++
  }
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1_000) / CHECKS
}

const rounds: { alone: number; watched: number; check: number }[] = []
for (let round = 0; round < ROUNDS; round++) {
  const alone = await committed(USERS, BEATS, ENTRY)
  rounds.push({ alone, watched: await committed(USERS, BEATS, ENTRY, { watched: WATCHED }), check: checked() })
}
const [alone, watched, check] = (['alone', 'watched', 'check'] as const).map(name =>
  median(rounds.map(round => round[name])),
)
say({
  claim: `log to committed, ${WATCHED} of 10,000 viewers watched, CPU a beat`,
  against: 'nobody looks',
  ratio: median(rounds.map(round => round.watched / round.alone)),
  method: `${BEATS} beats each, ${ROUNDS} rounds: ${watched!.toFixed(2)} / ${alone!.toFixed(2)} µs; less is better`,
})
say({
  claim: 'the look at whether somebody looks',
  against: 'a beat from the log to committed',
  ratio: median(rounds.map(round => round.check / 1_000 / round.alone)),
  method: `once a beat: ${check!.toFixed(2)} ns / ${alone!.toFixed(2)} µs; less is better, 0.02 is too much`,
})
