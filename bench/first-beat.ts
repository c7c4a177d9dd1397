import { committed, interpreted } from './committed/rounds.ts'
import { median, ROUNDS, say, thousands } from './measure.ts'

/** CPU of the first heartbeat of a viewer, who is nowhere yet, from the log to the checkpoint, against interpreted XState. */
const USERS = Number(process.env.BENCH_FIRST ?? 50_000)

const rounds: { xstate: number; rollcall: number }[] = []
for (let round = 0; round < ROUNDS; round++)
  rounds.push({ xstate: await interpreted(USERS, 1), rollcall: await committed(USERS, 1, 100) })
const [xstate, rollcall] = (['xstate', 'rollcall'] as const).map(name => median(rounds.map(round => round[name])))
say({
  claim: 'first beat of a viewer, CPU',
  against: 'interpreted XState in memory',
  ratio: median(rounds.map(({ rollcall, xstate }) => xstate / rollcall)),
  method: `${thousands(USERS)} users, entries of 100, ${ROUNDS} rounds: ${rollcall!.toFixed(1)} / ${xstate!.toFixed(1)} µs`,
})
