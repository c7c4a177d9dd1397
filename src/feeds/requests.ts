import type { Event } from '../../actors/event.ts'
import { type FeedGroup, feedKeysOf } from './groups.ts'

const COUNTRY = 'country:'

/** A profile or a session, whose `country` and `tags` say where its streamer is; of another program it may not. */
type Whereabouts = Readonly<Record<string, unknown>>

/** The keys of the feeds that show, or have to let go of, a streamer who is or was there. */
export function feedsAround(groups: readonly FeedGroup[], places: readonly (Whereabouts | null)[]): string[] {
  const countries = places.flatMap(place => {
    const tags: unknown[] = Array.isArray(place?.tags) ? place.tags : []
    const tagged = tags.flatMap(tag => (typeof tag === 'string' && tag.startsWith(COUNTRY) ? [tag] : []))
    const own = typeof place?.country === 'string' && place.country !== '' ? [place.country] : []
    return [...own, ...tagged.map(tag => tag.slice(COUNTRY.length))]
  })
  return feedKeysOf(groups, countries)
}

/** A feed that is asked for twice runs once more at most. */
export const feedRequests = (keys: readonly string[], id: string, at: number): Event[] =>
  keys.map(key => ({ kind: 'feed.request', key, id, at, arrival: at }))
