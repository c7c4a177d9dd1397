import type { Audience } from '../audience/sum.ts'
import type { Document, DocumentStore } from '../documents/index.ts'
import type { OwnerDirectory } from '../ownership/directory.ts'
import type { Time } from '../time.ts'
import type { Disk } from './disk.ts'

/** Live sessions that are looked at; of more it is told that there are. */
export const MOST_SESSIONS = 5_000
/** So long a look serves all who ask; one at lists and folders, which costs more, for longer. */
export const [FRESH_MS, LISTED_MS] = [500, 2_000]

/** Looks: what is found out when somebody asks, once for the first page, `rollcall top` and `/metrics`. */
export interface Looks {
  audience(): Promise<Audience>
  /** live sessions, up to one more than the most */
  live(): Promise<readonly Document[]>
  /** null where nothing is kept on this disk */
  disk(): Promise<Disk | null>
}

export function looksOf(
  { directory, documents, time }: { directory: Pick<OwnerDirectory, 'owner'>; documents: DocumentStore; time: Time },
  disk: () => Promise<Disk | null>,
): Looks {
  const live = { filter: { active: true }, limit: MOST_SESSIONS + 1 }
  return {
    audience: kept(time, FRESH_MS, () => directory.owner.audience()),
    live: kept(time, LISTED_MS, () => documents.find('sessions', live)),
    disk: kept(time, LISTED_MS, disk),
  }
}

/** A look that is made once for all who ask within so many ms, and not again before it is there. */
export function kept<T>(time: Pick<Time, 'monotonic'>, ms: number, make: () => Promise<T>): () => Promise<T> {
  let [made, since, isThere]: [Promise<T> | undefined, number, boolean] = [undefined, 0, false]
  return () => {
    if (made && (!isThere || time.monotonic() - since < ms)) return made
    since = time.monotonic()
    isThere = false
    const asked = make()
    made = asked
    asked.then(
      () => {
        isThere = true
      },
      // The next to ask finds out anew.
      () => {
        made = undefined
      },
    )
    return asked
  }
}
