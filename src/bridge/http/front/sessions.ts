import type { AudienceCount } from '../../../audience/sum.ts'
import type { Document } from '../../../documents/index.ts'
import { MOST_SESSIONS } from '../../looks.ts'

/** Sessions of a page of them. */
export const SHOWN_SESSIONS = 25

/** A session that is not over, as who is on duty sees it. */
export interface LiveSession {
  id: string
  streamer: string
  title: string | null
  preset: string
  /** alive; null: that is not known just now */
  viewers: number | null
  /** of its rating, how many gave it too */
  rating: number
  ratings: number
  /** ISO; since when it is live, or was started */
  since: string | null
}

/** Sessions by their viewers, those with most of them first. */
export interface LiveSessions {
  /** one more than are looked at where there are more */
  count: number
  /** from 1 on */
  page: number
  pages: number
  shown: LiveSession[]
}

type Session = Document & {
  userId?: unknown
  title?: unknown
  status?: { preset?: unknown }
  statuses?: { created?: unknown; started?: unknown }
  rating?: { current?: unknown; currentCount?: unknown }
}

/** A page of the sessions; one beyond the last is the last. */
export function pageOf(
  found: readonly Document[],
  counts: ReadonlyMap<string, AudienceCount> | null,
  wanted: number,
): LiveSessions {
  const known = found.slice(0, MOST_SESSIONS)
  const pages = Math.max(1, Math.ceil(known.length / SHOWN_SESSIONS))
  const page = Math.min(Math.max(1, wanted), pages)
  const viewersOf = ({ _id }: Document): number => counts?.get(_id)?.alive ?? 0
  const first = (page - 1) * SHOWN_SESSIONS
  const ranked = known.toSorted((a, b) => viewersOf(b) - viewersOf(a) || (a._id < b._id ? 1 : -1))
  const shown = ranked.slice(first, first + SHOWN_SESSIONS).map(each => rowOf(each, counts && viewersOf(each)))
  return { count: found.length, page, pages, shown }
}

/** Documents may be another program's: what is not as Rollcall writes it is left out. */
function rowOf({ _id: id, userId, title, status, statuses, rating }: Session, viewers: number | null): LiveSession {
  const since = statuses?.started ?? statuses?.created
  return {
    ...{ id, streamer: String(userId ?? ''), title: typeof title === 'string' ? title : null, viewers },
    preset: status?.preset === 'sd' ? 'sd' : 'preview',
    ...{ rating: Number(rating?.current ?? 0), ratings: Number(rating?.currentCount ?? 0) },
    since: typeof since === 'string' ? since : null,
  }
}
