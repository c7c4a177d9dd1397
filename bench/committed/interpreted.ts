import { type Actor, createActor, StateMachine } from 'xstate'
import { viewer as kind } from '../../actors/viewer.ts'
import { type ViewerContext, viewer } from '../../machines/viewer.ts'
import { beatsOf } from './mix.ts'

/** The same beats sent to XState actors in memory, and nothing else; prints the CPU it took (µs): `… USERS BEATS`. */
const [users, beats] = process.argv.slice(2).map(Number) as [number, number]
const rules = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }
const facts = { rules, time: () => 0, isFrozen: () => false, adopts: () => null }
const all = [...beatsOf({ users, beats, entry: 1 }, Date.now())]
// Its own asks of each event whether it is whole, which nobody would pay for here.
viewer.transition = StateMachine.prototype.transition as typeof viewer.transition
const actors = new Map<string, Actor<typeof viewer>>()
const before = process.cpuUsage()
for (const event of all) {
  let actor = actors.get(event.key)
  if (!actor) {
    actor = createActor(viewer).start()
    actors.set(event.key, actor)
  }
  actor.send(
    kind.receive(event as Parameters<typeof kind.receive>[0], actor.getSnapshot().context as ViewerContext, facts),
  )
}
const { user, system } = process.cpuUsage(before)
console.log(JSON.stringify({ cpu: user + system, rss: process.memoryUsage().rss }))
process.exit()
