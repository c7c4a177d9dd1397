import { KINDS } from '../../../actors/kinds.ts'
import type { Frame } from '../../inspect/frame.ts'
import type { ActorPlace } from '../../shard/index.ts'

/** The version of `@statelyai/inspect` whose frames these are. */
const VERSION = '0.7.2'

/** An actor by the name it has in the inspector, and the frame that brings it there. */
export function named({ kind, key, shard, snapshot, seq }: ActorPlace & { shard: number }, now: number) {
  const sessionId = `shard-${shard}/${kind}/${key}`
  const { machine } = KINDS.find(each => each.kind === kind)!
  const of = { sessionId, rootId: sessionId, _version: VERSION }
  const definition = JSON.stringify(machine.config)
  const born = { type: '@xstate.actor', name: kind, id: `${seq}`, createdAt: String(now), definition, snapshot, ...of }
  return { of, born }
}

/** A step of the actor: the event, then the snapshot that it led to. */
export function framesOf({ of }: ReturnType<typeof named>, { n, seq, at, event, snapshot, value }: Frame): object[] {
  const step = { ...of, event, id: `${seq}-${n}`, createdAt: String(at) }
  return [
    { type: '@xstate.event', ...step },
    { type: '@xstate.snapshot', ...step, snapshot: snapshot ?? { status: 'active', value, context: {} } },
  ]
}
