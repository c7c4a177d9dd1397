import { type AnyStateMachine, createActor, type EventObject, type SnapshotFrom } from 'xstate'
import { examples, feed, streamerSession, viewer, visitor } from '../../machines/index.ts'

/** A machine, and the events it is tried with. */
export interface Tried {
  id: keyof typeof examples
  machine: AnyStateMachine
  events: readonly EventObject[]
}

export const TRIED: Tried[] = [viewer, visitor, streamerSession, feed].map(machine => {
  const id = machine.id as keyof typeof examples
  return { id, machine, events: examples[id] }
})

/** Its snapshots from the first on, after each event. */
export function snapshotsOf({ machine, events }: Pick<Tried, 'machine' | 'events'>): SnapshotFrom<AnyStateMachine>[] {
  const actor = createActor(machine).start()
  return [
    actor.getSnapshot(),
    ...events.map(event => {
      actor.send(event)
      return actor.getSnapshot()
    }),
  ]
}
