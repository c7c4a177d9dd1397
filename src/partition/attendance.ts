import { FREEZE_MS } from '../audience/counters.ts'
import type { Attended, LiveContent } from '../audience/index.ts'
import type { CheckpointStore } from '../checkpoint/index.ts'
import type { Faults } from '../observe/index.ts'
import type { Time } from '../time.ts'
import type { Partition } from './partition.ts'

const AT_ONCE = 1_000

/** All who ever attended, from the checkpoint: at all, and on the streams that still count them. */
export async function* attendance(
  { claim, kinds, residents }: Pick<Partition, 'claim' | 'kinds' | 'residents'>,
  store: CheckpointStore,
  { time, faults }: { time: Time; faults: Faults },
): AsyncGenerator<LiveContent> {
  const counting = new Map<string, number>()
  for await (const { names, value } of store.load(claim, [{ space: 'aggregate', names: ['stream'] }])) {
    const leftMs = (value as { lastArrival: number }).lastArrival + FREEZE_MS - time.now()
    if (leftMs > 0) counting.set(names[1]!, leftMs)
  }
  const told = (attended: Attended[]): LiveContent => {
    const streams = new Set(attended.map(([stream]) => stream).filter(stream => stream !== null))
    return { attended, streams: Array.from(streams, stream => [stream, counting.get(stream)!]) }
  }
  let attended: Attended[] = []
  let unread = 0
  for (const kind of kinds.values()) {
    if (!kind.attended) continue
    for await (const { names, value } of store.load(claim, [{ space: 'actor', names: [kind.kind] }])) {
      const [, key, part] = names as [string, string, string]
      if (part !== '') continue
      let streams: string[] | null = null
      try {
        const found = kind.attended(residents.transitions.restore(kind, value).context)
        streams = found && [...found]
      } catch (error) {
        if (unread++ === 0) faults.report('live sets', error)
      }
      if (streams === null) continue
      attended.push([null, key])
      for (const stream of streams) if (counting.has(stream)) attended.push([stream, key])
      if (attended.length < AT_ONCE) continue
      yield told(attended)
      attended = []
      await time.turn()
    }
  }
  yield told(attended)
}
