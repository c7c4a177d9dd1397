import { BEATS, committed, interpreted } from './committed/rounds.ts'
import { median, ROUNDS, say } from './measure.ts'

/**
 * CPU of a heartbeat from the log to the checkpoint, documents included, against the same beats sent to interpreted XState
 * actors in memory. Every user beats each 30 s of event time: one beat in ten begins a window, one in a hundred is on
 * another page, on 100 streams.
 */
const USERS = 10_000

for (const entry of [6, 100]) {
  const rounds: { xstate: number; rollcall: number }[] = []
  for (let round = 0; round < ROUNDS; round++)
    rounds.push({ xstate: await interpreted(USERS, BEATS), rollcall: await committed(USERS, BEATS, entry) })
  const [xstate, rollcall] = (['xstate', 'rollcall'] as const).map(name => median(rounds.map(round => round[name])))
  say({
    claim: `log to committed, entries of ${entry}, CPU a beat`,
    against: 'interpreted XState in memory',
    ratio: median(rounds.map(({ rollcall, xstate }) => xstate / rollcall)),
    method: `10,000 users, ${BEATS} beats each, ${ROUNDS} rounds: ${rollcall!.toFixed(2)} / ${xstate!.toFixed(2)} µs`,
  })
}
