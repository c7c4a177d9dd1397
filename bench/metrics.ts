import { fileURLToPath } from 'node:url'
import { BEATS, committed } from './committed/rounds.ts'
import { median, ROUNDS, say } from './measure.ts'

/**
 * CPU of a heartbeat from the log to the checkpoint with the counts of `/metrics`, against the same with these taken out of
 * the source. See `committed.ts` for the mix.
 */
const [USERS, ENTRY] = [10_000, 100]
const UNCOUNTED = ['--import', fileURLToPath(new URL('committed/uncounted.ts', import.meta.url))]

const rounds: { counted: number; uncounted: number }[] = []
for (let round = 0; round < ROUNDS; round++) {
  // Whichever is first in a round has another machine than the second.
  const sides = { counted: [] as string[], uncounted: UNCOUNTED }
  const order = round % 2 === 0 ? (['counted', 'uncounted'] as const) : (['uncounted', 'counted'] as const)
  const took = { counted: 0, uncounted: 0 }
  for (const side of order) took[side] = await committed(USERS, BEATS, ENTRY, { flags: sides[side] })
  rounds.push(took)
}
const [counted, uncounted] = (['counted', 'uncounted'] as const).map(name => median(rounds.map(round => round[name])))
say({
  claim: 'log to committed, with the counts of /metrics, CPU a beat',
  against: 'without them',
  ratio: median(rounds.map(round => round.counted / round.uncounted)),
  method: `${BEATS} beats each, ${ROUNDS} rounds: ${counted!.toFixed(3)} / ${uncounted!.toFixed(3)} µs; less is better, 1.02 is too much`,
})
