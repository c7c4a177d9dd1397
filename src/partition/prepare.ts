import type { Event } from '../../actors/event.ts'
import { type ActorKind, actorId, splitId } from '../../actors/index.ts'
import type { AudienceCounters } from '../audience/counters.ts'
import type { CheckpointStore, Claim, RecordKey } from '../checkpoint/index.ts'
import type { Entry } from '../log/index.ts'
import { isUnparking, type Parking } from './parking.ts'
import type { Residents, Wanted } from './residents.ts'
import type { Resident } from './transitions.ts'
import type { Wheel } from './wheel.ts'

/** The parts of a partition that know what entries need. */
interface Needs {
  claim: Claim
  counters: AudienceCounters
  parking: Parking
  residents: Residents
  wheel: Wheel
  takerOf(event: Event): ActorKind | undefined
}

/** Loads what the entries need. Nothing may be evicted until they are applied. */
export async function prepare(partition: Needs, store: CheckpointStore, entries: Entry[]): Promise<void> {
  const wanted = wantedBy(partition, entries)
  const { residents, counters, claim } = partition
  await residents.load(wanted)
  const missing = new Map<string, RecordKey>()
  for (const { kind, key, on } of wanted) {
    if (on === null || !('kind' in on)) continue
    for (const names of tallyRecords(residents.get(actorId(kind, key)), on as Event)) {
      if (!counters.isAtHand(names)) missing.set(names.join('\n'), { space: 'aggregate', names })
    }
  }
  if (missing.size === 0) return
  for await (const { names, value } of store.load(claim, [...missing.values()])) counters.restore({ names, value })
}

function tallyRecords({ kind, snapshot }: Resident, event: Event): string[][] {
  try {
    return kind.tallyRecords?.(snapshot.context, event) ?? []
  } catch {
    // An event like that is parked when it is applied, which says why.
    return []
  }
}

function wantedBy({ takerOf, wheel, parking, residents }: Needs, entries: Entry[]): Wanted[] {
  const wanted: Wanted[] = []
  const want = (event: Event): void => {
    const kind = takerOf(event)
    if (kind) wanted.push({ kind: kind.kind, key: event.key, on: event })
  }
  for (const event of entries.flatMap(({ events }) => events)) {
    if (event.kind === 'tick') {
      for (const id of wheel.due(event.at)) wanted.push({ ...splitId(id), on: { deadline: event.at } })
    } else if (isUnparking(event)) {
      const id = String(event.actor)
      if (parking.reopen(id)) residents.forget(id)
      if (parking.eventsOf(id).length > 0) wanted.push({ ...splitId(id), on: null })
      for (const parked of parking.eventsOf(id)) want(parked)
    } else want(event)
  }
  return wanted
}
