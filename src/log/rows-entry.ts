import type { Event } from '../../actors/event.ts'
import type { Beats } from './beats.ts'
import type { Entry, Seq } from './index.ts'

/** Rows of an entry, from one to before another. */
export interface EntryRows {
  beats: Beats
  from: number
  to: number
}

/** Part of an entry. */
export type EntryRun = readonly Event[] | EntryRows

/** An entry whose events are made of its rows when somebody asks for them. */
export class RowsEntry implements Entry {
  readonly seq: Seq
  readonly strays?: number
  readonly runs: readonly EntryRun[]
  #events: Event[] | undefined

  constructor(seq: Seq, strays: number, runs: readonly EntryRun[]) {
    this.seq = seq
    if (strays > 0) this.strays = strays
    this.runs = runs
  }

  get events(): Event[] {
    this.#events ??= this.runs.flatMap(run => ('beats' in run ? run.beats.events(run.from, run.to) : (run as Event[])))
    return this.#events
  }
}

/** The events of an entry in their order, heartbeats as rows where it keeps them so: nobody else has to make events of them. */
export const runsOf = (entry: Entry): readonly EntryRun[] => (entry instanceof RowsEntry ? entry.runs : [entry.events])

/** How many events an entry has. */
export function countOf(entry: Entry): number {
  let count = 0
  for (const run of runsOf(entry)) count += 'beats' in run ? run.to - run.from : run.length
  return count
}

/** The first event of an entry, if it has any; of its rows, no other is made. */
export function firstOf(entry: Entry): Event | undefined {
  for (const run of runsOf(entry)) {
    if (!('beats' in run)) {
      if (run.length > 0) return run[0]
    } else if (run.from < run.to) return run.beats.event(run.from)
  }
  return undefined
}
