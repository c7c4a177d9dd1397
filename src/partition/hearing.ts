import type { Facts } from '../../actors/index.ts'
import type { AudienceCounters } from '../audience/counters.ts'
import type { Tap } from '../inspect/tap.ts'
import type { Seq } from '../log/index.ts'
import type { Count, Meter } from '../observe/meter.ts'
import type { Clock } from './clock.ts'
import type { Parking } from './parking.ts'
import type { Projections } from './projections.ts'
import type { Resident } from './resident.ts'
import type { Residents } from './residents.ts'
import type { Wheel } from './wheel.ts'

/** The parts of a partition that a stay is about. */
export interface HearingParts {
  clock: Clock
  counters: AudienceCounters
  facts: Facts
  meter: Meter
  parking: Parking
  projections: Projections
  residents: Residents
  tap: Tap | null
  wheel: Wheel
}

const NONE: readonly number[] = []

/** Tells pulses from what is more, and takes them: by what was found out when the first of alike ones came. */
export class Hearing {
  readonly #parts: HearingParts
  readonly #pulses: Count
  #owing: Resident[] = []

  constructor(parts: HearingParts) {
    this.#parts = parts
    this.#pulses = parts.meter.count('rollcall_pulses_total')
  }

  /** False if it is no pulse. `came` are its facts, mostly the same object where they are alike; times are in ms. */
  pulse(resident: Resident | undefined, came: object, at: number, arrival: number, seq: Seq): boolean {
    const { clock, counters, facts, parking, residents, tap } = this.#parts
    if (!resident?.isCurrent || parking.has(resident.id)) return false
    const { at: heard } = resident
    // Times before 1970, and parts of milliseconds, are left to the machine.
    if (heard <= 0 || !Number.isInteger(at) || at <= heard || at - heard > facts.rules.gapMs) return false
    if ((at >= resident.until || !resident.knows(came)) && !this.#isHeard(resident, came, at)) return false
    const { presences } = resident
    if (!presences || !counters.stillCount(presences, clock.time)) {
      resident.until = 0
      return false
    }
    const isRoll = at >= resident.rollsAt
    if (isRoll && !this.#canRoll(resident, at)) return false
    counters.pulsed(presences, heard, at, arrival)
    this.#pulses.n++
    if (!resident.stays) resident.stay = { at, rolls: NONE, written: 0, due: 0, lateMs: facts.rules.lateMs }
    resident.at = at
    resident.isHeard = true
    if (isRoll) this.#roll(resident, came, at)
    const now = Math.max(clock.time, arrival)
    residents.stayed(resident, seq, now)
    tap?.pulsed(resident, came, { at, arrival }, { seq, at: now }, facts)
    return true
  }

  /** Finds out up to when such events are pulses, and where they count. */
  #isHeard(resident: Resident, came: object, at: number): boolean {
    const { clock, counters, facts } = this.#parts
    const { at: heard, stream } = resident
    const { pulse } = resident.kind
    if (resident.state !== pulse!.state) return false
    resident.until = pulse!.until(came, resident.context, facts.rules)
    resident.facts = resident.until > 0 ? came : undefined
    resident.rollsAt = pulse!.window(heard) + pulse!.windowMs
    resident.presences = counters.presencesOn(stream, clock.time)
    return at < resident.until
  }

  #canRoll({ kind, rolls }: Resident, at: number): boolean {
    const { mostRolls, window } = kind.pulse!
    return rolls.length < mostRolls && this.#parts.counters.isWindowAtHand(window(at))
  }

  #roll(resident: Resident, came: object, at: number): void {
    const { window, windowMs, roll } = resident.kind.pulse!
    resident.rolls = [...resident.rolls, at]
    resident.rollsAt = window(at) + windowMs
    roll(came, window(at), this.#parts.counters)
  }

  /** Takes a deadline that comes in a stay; false if it does not. */
  deadline(resident: Resident, at: number, seq: Seq, now: number): boolean {
    const { facts, residents, tap, wheel } = this.#parts
    const { kind, stay } = resident
    // A watch sees it as the machine takes it, and a record of a former version has to become one of this.
    if (stay === null || !resident.isCurrent || tap?.heeds(resident)) return false
    const due = kind.pulse!.due(stay, at, facts.rules)
    if (due === 0) return false
    if (resident.owing === null) {
      resident.owing = stay.written
      this.#owing.push(resident)
    }
    resident.written = stay.at
    resident.due = due
    wheel.set(resident.id, due)
    residents.stayed(resident, seq, now)
    return true
  }

  /** How many actors have documents that are still to be projected, about. */
  get owing(): number {
    return this.#owing.length
  }

  /** Projects what deadlines in a stay have led to: the last one says it all. To be called before the stay ends. */
  project(resident: Resident): void {
    const { kind, key, stay, owing } = resident
    if (owing === null) return
    const written = { ...stay!, at: stay!.written, written: owing }
    kind.pulse!.write(resident.context, written, key, this.#parts.projections)
    resident.owing = null
  }

  /** Projects all that there is. */
  projectAll(): void {
    for (const resident of this.#owing) this.project(resident)
    this.#owing = []
  }
}
