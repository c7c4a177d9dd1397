/** The plan of a platform's evening: who streams, who watches what and when. Pure: the options decide everything. */
import { type Random, random } from './random.ts'

export interface EveningOptions {
  viewers: number
  streamers: number
  minutes: number
  seed: number
  /** ms; nothing happens after it */
  end: number
}

export interface User {
  id: string
  username: string
  country: string
  groups: string[]
  tags: string[]
  profile: { biography: string }
}

export interface Streamer extends User {
  title: string
  device: 'lovense' | null
}

/** `/`, `/feed`, or the stream of a streamer, whose session id only the server knows. */
export type Page = '/' | '/feed' | { streamer: string }

export interface Beat {
  viewer: User
  at: number
  page: Page
}

export interface Rating {
  userId: string
  streamer: string
  score: number
}

export interface Evening {
  streamers: Streamer[]
  viewers: User[]
  ratings: Rating[]
  /** every viewer's heartbeats together, in time order */
  beats(): Generator<Beat>
}

export const BEAT_MS = 30_000

/** A viewer on one page, from one beat to another, both counted from the evening's first. */
interface Stay {
  from: number
  to: number
  page: Page
}

export function planEvening({ viewers, streamers, minutes, seed, end }: EveningOptions): Evening {
  const slots = Math.floor((minutes * 60_000) / BEAT_MS)
  const live = numbered(streamers, n => streamer(n, random(seed, -n)))
  const audience = numbered(viewers, n => {
    const chance = random(seed, n)
    const user = viewer(n, chance)
    const phase = chance.between(0, BEAT_MS - 1)
    return { user, phase, stays: stays(slots, live, chance), chance }
  })
  const start = end - slots * BEAT_MS
  const byPhase = audience.toSorted((a, b) => a.phase - b.phase)
  return {
    streamers: live,
    viewers: audience.map(({ user }) => user),
    ratings: audience.flatMap(({ user, stays, chance }) => ratings(user, stays, chance)),
    *beats() {
      const next = byPhase.map(() => 0)
      for (let slot = 0; slot < slots; slot += 1) {
        for (const [index, { user, phase, stays }] of byPhase.entries()) {
          while (stays[next[index]!] && stays[next[index]!]!.to < slot) next[index]! += 1
          const stay = stays[next[index]!]
          if (stay && stay.from <= slot) yield { viewer: user, at: start + slot * BEAT_MS + phase, page: stay.page }
        }
      }
    },
  }
}

/** Comes once or a few times, in the first half as likely to begin with the evening as to come later. */
function stays(slots: number, live: Streamer[], chance: Random): Stay[] {
  const plan: Stay[] = []
  const popularity = live.map((_, index) => 1 / (index + 1))
  let slot = chance.chance(0.4) ? 0 : chance.between(0, Math.max(0, slots - 1))
  while (slot < slots) {
    const leaves = Math.min(slots, slot + chance.between(4, Math.max(4, slots)))
    while (slot < leaves) {
      const watches = live.length > 0 && chance.chance(0.7)
      const page: Page = watches ? { streamer: live[chance.weighted(popularity)]!.id } : chance.pick(['/', '/feed'])
      const to = Math.min(leaves - 1, slot + (watches ? chance.between(3, 40) : chance.between(0, 2)))
      plan.push({ from: slot, to, page })
      slot = to + 1
    }
    slot += chance.between(4, 30)
  }
  return plan
}

/** Some who watched a stream for five minutes or more rate it, most of them kindly. */
function ratings(user: User, stays: Stay[], chance: Random): Rating[] {
  const watched = new Map<string, number>()
  for (const { from, to, page } of stays) {
    if (typeof page !== 'string') watched.set(page.streamer, (watched.get(page.streamer) ?? 0) + to - from + 1)
  }
  return [...watched]
    .filter(([, beats]) => beats * BEAT_MS >= 300_000 && chance.chance(0.3))
    .map(([streamer]) => ({ userId: user.id, streamer, score: 1 + chance.weighted([1, 1, 3, 6, 9]) }))
}

const COUNTRIES = ['TW', 'JP', 'HK', 'US', 'DE', 'BR'] as const
const COUNTRY_WEIGHTS = [8, 5, 3, 3, 2, 1] as const
const GROUPS = [['guest'], ['member'], ['member', 'premium']] as const
const GROUP_WEIGHTS = [5, 4, 1] as const
const NAMES = ['aya', 'ben', 'chen', 'dana', 'emi', 'finn', 'gao', 'hana', 'ivo', 'june', 'kai', 'lin'] as const
const HASHTAGS = ['music', 'cooking', 'games', 'talk', 'art', 'travel'] as const

function streamer(n: number, chance: Random): Streamer {
  const country = COUNTRIES[chance.weighted(COUNTRY_WEIGHTS)]!
  const [name, hashtag] = [chance.pick(NAMES), chance.pick(HASHTAGS)]
  const badges = chance.chance(0.3) ? ['badge:new', `badge:livestream_${hashtag}`] : ['badge:new']
  return {
    id: `streamer-${pad(n, 3)}`,
    username: `${name}-live-${n}`,
    country,
    groups: ['streamer'],
    tags: [`country:${country.toLowerCase()}`, `hashtag:${hashtag}`, ...badges],
    profile: { biography: `${name}, ${hashtag} every evening` },
    title: `An evening of ${hashtag}`,
    device: chance.chance(0.3) ? 'lovense' : null,
  }
}

function viewer(n: number, chance: Random): User {
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

const pad = (n: number, digits: number): string => String(n).padStart(digits, '0')

const numbered = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i + 1))
