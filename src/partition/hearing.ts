import type { ActorKind, Facts } from '../../actors/index.ts'
import type { AudienceCounters } from '../audience/counters.ts'
import type { Tap } from '../inspect/tap.ts'
import type { Seq } from '../log/index.ts'
import type { Clock } from './clock.ts'
import type { Parking } from './parking.ts'
import type { Resident } from './resident.ts'
import type { Residents } from './residents.ts'

/** The parts of a partition that a pulse is about. */
export interface HearingParts {
  clock: Clock
  counters: AudienceCounters
  facts: Facts
  parking: Parking
  residents: Residents
  tap: Tap | null
}

/** Tells pulses from what is more, and takes them: by what was found out when the first of alike ones came. */
export class Hearing {
  readonly #parts: HearingParts

  constructor(parts: HearingParts) {
    this.#parts = parts
  }

  /** False if it is no pulse. `came` are its facts, mostly the same object where they are alike; times are in ms. */
  pulse({ kind }: ActorKind, key: string, came: object, at: number, arrival: number, seq: Seq): boolean {
    const { clock, counters, facts, parking, residents, tap } = this.#parts
    const resident = residents.heard(kind, key)
    if (!resident?.isCurrent || parking.has(resident.id)) return false
    const { heard } = resident
    // Times before 1970, and parts of milliseconds, are left to the machine.
    if (heard <= 0 || !Number.isInteger(at) || at <= heard || at - heard > facts.rules.gapMs) return false
    if ((resident.facts !== came || at >= resident.until) && !this.#isHeard(resident, came, at)) return false
    const { presences } = resident
    if (!presences || !counters.stillCount(presences, clock.time)) {
      resident.until = 0
      return false
    }
    counters.pulsed(presences, heard, at, arrival)
    const now = Math.max(clock.time, arrival)
    residents.pulse(resident, at, seq, now)
    tap?.pulsed(resident, came, { at, arrival }, { seq, at: now }, facts)
    return true
  }

  /** Finds out up to when such events are pulses, and where they count. */
  #isHeard(resident: Resident, came: object, at: number): boolean {
    const { clock, counters, facts } = this.#parts
    const { kind, former, heard } = resident
    const { presence, pulse } = kind
    if (former.value !== pulse!.state) return false
    resident.until = pulse!.until(came, former.context, heard, facts.rules)
    resident.facts = resident.until > 0 ? came : undefined
    resident.presences = counters.presencesOn(presence!(former.context)!.stream, clock.time)
    return at < resident.until
  }
}
