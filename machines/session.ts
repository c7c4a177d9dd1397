import { type Carried, type RatingState, startingRating } from './rating.ts'

/** A session of a streamer. */

export type Preset = 'preview' | 'sd'

export interface Goal {
  title: string
  price: number
}

/** When two changes of the same thing meet, the greatest (at, id) wins. */
export interface Version {
  at: number
  id: string
}

export interface StreamerSession {
  id: string
  /** the how manieth session of the streamer it is */
  ordinal: number
  userId: string
  title: string | null
  tags: readonly string[]
  pricing: { preset: Preset; price: number }
  preset: Preset
  name: string | null
  /** ms; `started` at the first change to sd */
  created: number
  started: number | null
  ended: number | null
  rating: RatingState
  showGoalPairs: readonly Goal[]
  exclusiveGoalPairs: readonly Goal[]
  /** the id of the event that created it */
  createdBy: string
  presetStamp: Version
  goalsStamp: Version
}

/** The start of a session. */
export interface SessionStart extends Version {
  streamerId: string
  title: string | null
  device: 'lovense' | null
  userTags: readonly string[]
  /** in preview */
  price: number
}

export const wins = (a: Version, b: Version): boolean => a.at > b.at || (a.at === b.at && a.id > b.id)

export const versionOf = ({ at, id }: Version): Version => ({ at, id })

export const nameOf = (tags: readonly string[]): string | null =>
  tags.find(tag => tag.startsWith('badge:livestream_')) ?? null

export function newSession(id: string, ordinal: number, start: SessionStart, carried: Carried | null): StreamerSession {
  const { streamerId, title, userTags, device, price } = start
  const tags = userTags.filter(tag => /^(country|hashtag):/.test(tag) || tag === 'badge:new')
  return {
    id,
    ordinal,
    userId: streamerId,
    title,
    tags: device === null ? tags : [...tags, `device:${device}`],
    pricing: { preset: 'preview', price },
    preset: 'preview',
    name: nameOf(userTags),
    created: start.at,
    started: null,
    ended: null,
    rating: startingRating(carried),
    showGoalPairs: [],
    exclusiveGoalPairs: [],
    createdBy: start.id,
    presetStamp: versionOf(start),
    goalsStamp: versionOf(start),
  }
}

/** The rating it leaves to the next; null: none. */
export const carriedFrom = ({ started, rating }: StreamerSession): Carried | null =>
  started !== null && rating.currentCount > 0 ? { rating: rating.current, count: rating.currentCount } : null
