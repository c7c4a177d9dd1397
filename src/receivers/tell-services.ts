import type { SaysOf } from '../../actors/kinds.ts'
import type { Effect, Emitted, Performed, Receiver } from '../effects/index.ts'
import { step } from '../observe/steps.ts'
import { traceIn } from '../observe/traces.ts'
import type { World } from './index.ts'
import { sessionChannel } from './session-channel.ts'

async function tell(effect: Effect, { outputs, steps }: World): Promise<Performed<never>> {
  const { id, kind, actor, at, payload, traceparent } = effect
  const output = { id, type: `rollcall.${kind}`, source: `/${actor}`, at, data: payload, ...traceIn(traceparent) }
  return { outcome: await step(steps, 'output', id, () => outputs.publish(output)) }
}

/** Tells other services of whatever it is given, as `rollcall.<kind>`. */
export const tellServices = (world: World): Receiver<Emitted, never> => ({ perform: effect => tell(effect, world) })

/** Tells other services of a rating, and shows it to those on the session's page. */
export const tellRating = (world: World): Receiver<SaysOf<'rating.updated'>, never> => ({
  perform(effect) {
    const { sessionId, rating } = effect.payload
    world.channels.gauge({ channel: sessionChannel(sessionId), name: effect.kind, data: { sessionId, rating } })
    return tell(effect, world)
  },
})
