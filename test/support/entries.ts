import type { Event } from '../../actors/event.ts'
import type { Entry, EventLog, Seq } from '../../src/log/index.ts'

export const event = (id: string, facts: object = {}): Event => ({
  ...{ kind: 'heartbeat', key: 'k', id, at: 1_700_000_000_000, arrival: 1_700_000_000_001 },
  ...facts,
})

/** The entries after `after`, up to the one with the seq `last`, as they came. */
export async function readTo(log: EventLog, partition: number, last: Seq, after: Seq = 0): Promise<Entry[]> {
  const found: Entry[] = []
  for await (const entries of log.read(partition, after)) {
    found.push(...entries)
    if (entries.at(-1)!.seq >= last) break
  }
  return found
}

export const seqsTo = (last: Seq, after: Seq = 0): Seq[] =>
  Array.from({ length: last - after }, (_, i) => after + i + 1)

export const idsOf = (entries: Entry[]): string[] => entries.flatMap(({ events }) => events.map(({ id }) => id))
