import type { Statistics } from '../../../audience/statistics.ts'
import type { AudienceCount } from '../../../audience/sum.ts'
import type { ErrorCode } from '../../../errors.ts'
import type { Seq } from '../../../log/index.ts'
import type { Advice } from '../../../observe/advice.ts'
import type { Away } from '../../../observe/servers.ts'
import type { Work } from '../../../observe/work.ts'
import type { Disk } from '../../disk.ts'
import type { Readiness } from '../../readiness.ts'
import type { LiveSessions } from './sessions.ts'

export const WINDOW_MS = 300_000
/** Windows that are shown: three hours. */
export const WINDOWS = 36

/** A process at a glance; null: that is not known just now. */
export interface Figures {
  /** ms since the epoch */
  at: number
  readiness: Readiness
  viewers: AudienceCount | null
  sessions: LiveSessions | null
  /** taken by this process, in the last minute */
  beatsASecond: number
  answers: Answers | null
  /** web sessions that began in the last minute */
  webSessionsAMinute: number | null
  /** of the last windows, those with somebody in them */
  records: Statistics[] | null
  partitions: PartitionFigures[]
  effects: { waiting: number; parked: number; oldestMs: number | null } | null
  /** events */
  parked: number | null
  /** null: nothing is kept on a disk of this process */
  disk: Disk | null
  work: Work[]
  /** servers under this process that give it no answer */
  away: Away[]
  /** codes of what kept a figure from being known, where it does not pass by itself */
  troubles: ErrorCode[]
  wrong: Wrong[]
}

/** Requests over HTTP that this process answered in the last minute, but for those that look how it does. */
export interface Answers {
  aSecond: number
  p50Ms: number
  p99Ms: number
}

/** Something that is wrong, and what helps. */
export interface Wrong extends Advice {
  /** of what it is, where it has one */
  code: string | null
  text: string
}

/** A partition as who is on duty sees it; null: that is not known. */
export interface PartitionFigures {
  partition: number
  /** why it does not go on, or not yet; null: it does */
  stopped: string | null
  epoch: number | null
  /** the last entry that was accepted, that is in the state, that is in the checkpoint */
  accepted: Seq | null
  applied: Seq | null
  cut: Seq | null
  /** ms since the epoch; when its owner committed it last */
  committedAt: number | null
  /** effects that wait, and those that are parked */
  waiting: number | null
  parked: number | null
}
