import type { LiveNews } from '../audience/counters.ts'
import type { Delta } from '../checkpoint/index.ts'
import type { Effect } from '../effects/index.ts'
import type { Seq } from '../log/index.ts'
import type { Size } from './backlog.ts'
import type { DocumentWrite, Told } from './projections.ts'
import type { Resident } from './resident.ts'

/** All that one commit takes along, and what follows from it. */
export interface Cut {
  seq: Seq
  /** how much it commits */
  size: Size
  /** up to here documents show what was applied */
  readableUntil: Seq
  delta: Omit<Delta, 'incarnation'>
  writes: DocumentWrite[]
  told: Told[]
  effects: Effect[]
  news: LiveNews
  /** the actors that it changed, if the partition tells; until the next cut `kept` is what they are in this one */
  changed: readonly Pick<Resident, 'kind' | 'key' | 'kept'>[]
}
