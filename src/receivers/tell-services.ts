import type { SaysOf } from '../../actors/kinds.ts'
import type { Emitted, Receiver } from '../effects/index.ts'
import type { World } from './index.ts'
import { sessionChannel } from './session-channel.ts'

/** Tells other services of whatever it is given, as `rollcall.<kind>`. */
export const tellServices = ({ outputs }: World): Receiver<Emitted, never> => ({
  async perform({ id, kind, actor, at, payload }) {
    return { outcome: await outputs.publish({ id, type: `rollcall.${kind}`, source: `/${actor}`, at, data: payload }) }
  },
})

/** Tells other services of a rating, and shows it to those on the session's page. */
export const tellRating = (world: World): Receiver<SaysOf<'rating.updated'>, never> => {
  const services = tellServices(world)
  return {
    perform(effect, progress) {
      const { sessionId, rating } = effect.payload
      world.channels.gauge({ channel: sessionChannel(sessionId), name: effect.kind, data: { sessionId, rating } })
      return services.perform(effect, progress)
    },
  }
}
