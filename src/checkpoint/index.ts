/**
 * Checkpoints: the state of each partition as of its cut. A commit is atomic and fenced:
 * once a partition is claimed again, no commit of the former owner can land.
 */
import type { Seq } from '../log/index.ts'

/** The spaces of a partition's records: all of one space are about the same. */
export type Space = 'actor' | 'deadline' | 'aggregate' | 'documents' | 'outbox' | 'parked'

/** A record is found by its space, then by names; for actors: kind, key, part ('' is the snapshot itself). */
export interface RecordKey {
  space: Space
  names: string[]
}

export interface CheckpointRecord extends RecordKey {
  value: unknown
}

/** The right to commit to one partition, until somebody claims it again. */
export interface Claim {
  partition: number
  owner: string
  epoch: number
  /** All entries up to this one are in the checkpoint. */
  cut: Seq
  /** The log the cut belongs to; null while nothing was committed. */
  incarnation: string | null
  /** of the entry at the cut, as `EventLog.mark` says it; null while nothing was committed */
  mark: string | null
}

/** Where in which log a checkpoint stands. */
export type Anchor = Pick<Claim, 'cut' | 'incarnation' | 'mark'>

/** The changes of one commit. Values must survive msgpack. */
export interface Delta {
  incarnation: string
  mark: string | null
  puts: CheckpointRecord[]
  removes: RecordKey[]
}

export interface CheckpointStore {
  /** Mints a higher epoch; every earlier claim of the partition is fenced from here on. */
  claim(partition: number, owner: string): Promise<Claim>
  /**
   * Records as of the cut whose names begin with those of one of the keys (`names: []` is a whole space).
   * Names compare whole: `['visitor', 'a']` finds no record of `['visitor', 'ab']`.
   */
  load(claim: Claim, keys: RecordKey[]): AsyncIterable<CheckpointRecord>
  /**
   * All or nothing, `claim.cut` then says so; RC_FENCED if the claim is no longer the owner's. The cut may repeat.
   * Answers how many bytes it wrote.
   */
  commit(claim: Claim, cut: Seq, delta: Delta): Promise<number>
  /** Looks at a partition without claiming it; null if nobody ever did. */
  peek(partition: number): Promise<Anchor | null>
  /** Forgets all that was committed, whatever became of it; the next claim is above all those before. Nobody may own it. */
  forget(partition: number): Promise<void>
  close(): Promise<void>
}
