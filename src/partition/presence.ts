import { actorId, splitId } from '../../actors/index.ts'
import type { LiveContent, ViewerPresence } from '../audience/index.ts'
import type { CheckpointStore, RecordKey } from '../checkpoint/index.ts'
import type { Faults } from '../observe/index.ts'
import type { Time } from '../time.ts'
import type { Partition } from './partition.ts'

const AT_ONCE = 100

/** All who may be alive: from memory, or from the checkpoint. Actors that may be have a deadline ahead: their kinds see to that. */
export async function* presence(
  {
    claim,
    kinds,
    residents,
    wheel,
    deadlines,
  }: Pick<Partition, 'claim' | 'kinds' | 'residents' | 'wheel' | 'deadlines'>,
  store: CheckpointStore,
  { quiet, time, faults }: { quiet?: Promise<void> | undefined; time: Time; faults: Faults },
): AsyncGenerator<LiveContent> {
  await quiet
  await deadlines.loaded({ time })
  const ids = Array.from(wheel.entries(), ([id]) => id).filter(id => kinds.get(splitId(id).kind)?.presence)
  let unread = 0
  for (let i = 0; i < ids.length; i += AT_ONCE) {
    const present: ViewerPresence[] = []
    const take = (id: string, snapshot: { context: unknown }): void => {
      const { kind, key } = splitId(id)
      const last = kinds.get(kind)!.presence!(snapshot.context)
      if (last) present.push({ userId: key, at: last.at, stream: last.stream })
    }
    const away: RecordKey[] = []
    for (const id of ids.slice(i, i + AT_ONCE)) {
      const { kind, key } = splitId(id)
      if (residents.has(id)) take(id, residents.get(id).snapshot)
      else away.push({ space: 'actor', names: [kind, key, ''] })
    }
    for await (const { names, value } of store.load(claim, away)) {
      const [kind, key] = names as [string, string]
      const id = actorId(kind, key)
      try {
        const known = kinds.get(kind)!
        // The actor may have come into memory meanwhile, and its last pulse with it.
        const snapshot = residents.has(id)
          ? residents.get(id).snapshot
          : residents.pulses.after(known, key, residents.transitions.restore(known, value))
        take(id, snapshot)
      } catch (error) {
        if (unread++ === 0) faults.report('live sets', error)
      }
    }
    yield { present }
    await time.turn()
  }
}
