import type { Day } from './web-sessions.ts'

/** Shares: how the chunks of a day are divided among its sessions, so that each visit is known to be of one. */

/** Visits of a chunk that are of one session, behind those of the shares before. */
export interface Share {
  /** of the session, from 1 */
  index: number
  count: number
}

type Divided = Pick<Day, 'chunks' | 'sessions'>

/** The shares of each chunk, from the one at `first` on. Visits behind the last session are of none. */
export function sharesOf({ chunks, sessions }: Divided, first = 0): Share[][] {
  let start = 0
  for (let c = 0; c < first; c++) start += chunks[c]!.length
  let s = 0
  let end = 0
  while (s < sessions.length && end + sessions[s]!.eventCount <= start) end += sessions[s++]!.eventCount
  let left = s < sessions.length ? end + sessions[s]!.eventCount - start : 0
  return chunks.slice(first).map(chunk => {
    const shares: Share[] = []
    for (let room = chunk.length; room > 0 && s < sessions.length; ) {
      const count = Math.min(room, left)
      shares.push({ index: s + 1, count })
      room -= count
      left -= count
      if (left === 0) left = sessions[++s]?.eventCount ?? 0
    }
    return shares
  })
}

/** The first chunk that may hold other visits than before, or visits that were of another session. */
export function firstChanged(before: Divided, after: Divided): number {
  const { sessions } = after
  let same = 0
  for (let s = 0; s < sessions.length && before.sessions[s] === sessions[s]; s++) same += sessions[s]!.eventCount
  let end = 0
  for (const [c, chunk] of after.chunks.entries()) {
    end += chunk.length
    if (before.chunks[c] !== chunk || end > same) return c
  }
  return after.chunks.length
}
