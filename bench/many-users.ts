import { committed } from './committed/rounds.ts'
import { median, ROUNDS, say } from './measure.ts'

/** CPU of a heartbeat from the log to the checkpoint with ten times the users, against itself; see `committed.ts` for the mix. */
const [FEW, MANY] = [10_000, 100_000]
const BEATS = Number(process.env.BENCH_BEATS_OF_MANY ?? 20)

for (const entry of [6, 100]) {
  const rounds: { few: number; many: number }[] = []
  for (let round = 0; round < ROUNDS; round++)
    rounds.push({ few: await committed(FEW, BEATS, entry), many: await committed(MANY, BEATS, entry) })
  const [few, many] = (['few', 'many'] as const).map(name => median(rounds.map(round => round[name])))
  say({
    claim: `100,000 users, entries of ${entry}, CPU a beat`,
    against: 'itself with 10,000',
    ratio: median(rounds.map(({ few, many }) => many / few)),
    method: `${BEATS} beats each, ${ROUNDS} rounds: ${many!.toFixed(2)} / ${few!.toFixed(2)} µs; less is better`,
  })
}
