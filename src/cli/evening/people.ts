/** People who take part in an evening: who they are does not depend on what they do in it. */
import type { Random } from './random.ts'

export interface User {
  id: string
  username: string
  country: string
  groups: string[]
  tags: string[]
  profile: { biography: string }
}

export interface Streamer extends User {
  hashtag: string
  device: 'lovense' | null
  /** how likely to be chosen, against the other streamers */
  popularity: number
}

/** A device, on which a user is told that a streamer is live. */
export interface PushDevice {
  id: string
  userId: string
  kind: 'fid' | 'token'
  value: string
}

const COUNTRIES = ['TW', 'JP', 'HK', 'US', 'DE', 'BR'] as const
const COUNTRY_WEIGHTS = [8, 5, 3, 3, 2, 1] as const
const STREAMER_COUNTRIES = ['TW', 'US', 'JP', 'DE', 'HK', 'BR'] as const
const GROUPS = [['guest'], ['member'], ['member', 'premium']] as const
const GROUP_WEIGHTS = [5, 4, 1] as const
const NAMES = ['aya', 'ben', 'chen', 'dana', 'emi', 'finn', 'gao', 'hana', 'ivo', 'june', 'kai', 'lin'] as const
const HASHTAGS = ['music', 'cooking', 'games', 'talk', 'art', 'travel'] as const
const OTHER_FEEDS = ['user_livestream_most_recent-global', 'user_livestream-asia'] as const

/** Streamers next to each other come from different countries, so that even a few come from several. */
export function streamer(n: number, chance: Random): Streamer {
  const country = STREAMER_COUNTRIES[(n - 1) % STREAMER_COUNTRIES.length]!
  const [name, hashtag] = [chance.pick(NAMES), chance.pick(HASHTAGS)]
  return {
    id: `streamer-${pad(n, 3)}`,
    username: `${name}-live-${n}`,
    country,
    groups: ['streamer'],
    tags: [`country:${country.toLowerCase()}`, `hashtag:${hashtag}`, ...badges(hashtag, chance), ...places(n, chance)],
    profile: { biography: `${name}, ${hashtag} every evening` },
    hashtag,
    device: chance.chance(0.3) ? 'lovense' : null,
    popularity: 1 / n,
  }
}

const badges = (hashtag: string, chance: Random): string[] => [
  chance.chance(0.5) ? 'badge:new' : 'badge:verified',
  ...(chance.chance(0.3) ? [`badge:livestream_${hashtag}`] : []),
]

/** Places in feeds: every third streamer has one in the global feed, and some are at the front of another. */
const places = (n: number, chance: Random): string[] => [
  ...(n % 3 === 2 ? [`feed:user_livestream-global:${chance.between(1, 3)}`] : []),
  ...(chance.chance(0.2) ? [`feed:${chance.pick(OTHER_FEEDS)}`] : []),
]

export function viewer(n: number, chance: Random): User {
  const country = COUNTRIES[chance.weighted(COUNTRY_WEIGHTS)]!
  const name = chance.pick(NAMES)
  return {
    id: `viewer-${pad(n, 5)}`,
    username: `${name}${n}`,
    country,
    groups: [...GROUPS[chance.weighted(GROUP_WEIGHTS)]!],
    tags: [`country:${country.toLowerCase()}`],
    profile: { biography: '' },
  }
}

/** Devices that can be notified: most users have none, some a phone, a few a browser too. */
export function devices({ id: userId }: User, chance: Random): PushDevice[] {
  const count = chance.weighted([6, 3, 1])
  const all: PushDevice[] = [
    { id: 'phone', userId, kind: 'fid', value: chance.hex(22) },
    { id: 'browser', userId, kind: 'token', value: `${chance.hex(22)}:APA91b${chance.hex(32)}` },
  ]
  return chance.shuffled(all).slice(0, count)
}

const pad = (n: number, digits: number): string => String(n).padStart(digits, '0')
