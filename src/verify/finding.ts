/** Findings: where what is kept differs from what the log says, and what could not be looked at. */
import type { Event } from '../../actors/event.ts'
import type { Seq } from '../log/index.ts'

/** The first event at which what is kept and what the log says part. */
export interface Parting extends Pick<Event, 'kind' | 'key' | 'id' | 'at'> {
  seq: Seq
  /** events of the entry that may have been it, of which this is the first */
  of: number
  /** what is kept was never so: this is the last event that changed it */
  never?: true
}

export interface Difference {
  type: 'difference'
  /** of which kind it is: an entry of the log, a record of the state, a document, the account of an effect, a copy */
  of: 'log' | 'state' | 'document' | 'effect' | 'copy'
  partition: number | null
  /** which one it is, such as `actor viewer ann` or `web-sessions a-2026-01-31` */
  name: string
  text: string
  /** of the entry that is damaged or gone */
  seq?: Seq
  first?: Parting
}

/** Something that was passed over, and why. */
export interface Note {
  type: 'note'
  partition: number | null
  text: string
}

export interface Progress {
  type: 'progress'
  step: 'partitions' | 'documents' | 'copies' | 'first events'
  /** that it is at; their number, where it is at what is of all of them */
  partition: number
  partitions: number
  entries: number
  events: number
  records: number
  documents: number
  differences: number
}

export interface Summary extends Omit<Progress, 'type' | 'step' | 'partition'> {
  type: 'summary'
  /** accounts of effects */
  accounts: number
  /** partitions whose state was derived anew */
  derived: number
  notes: number
  seconds: number
}

export type Said = Difference | Note | Progress | Summary
