/** A viewer's evening: which pages when, and what the viewer does for the streamers. Times are slots. */
import { devices, type PushDevice, type User, viewer } from './people.ts'
import type { Random } from './random.ts'
import type { PlannedStream } from './streams.ts'

export type Page = '/' | '/feed' | PlannedStream

/** A stay on one page, from one beat to another, both included. */
export interface Stay {
  from: number
  to: number
  page: Page
}

export interface PlannedRating {
  slot: number
  userId: string
  stream: PlannedStream
  score: number
}

export interface Follow {
  slot: number
  userId: string
  streamer: string
}

export interface Earning {
  slot: number
  id: string
  streamer: string
  amount: number
}

export interface Attendance {
  user: User
  devices: PushDevice[]
  stays: Stay[]
  ratings: PlannedRating[]
  follows: Follow[]
  earnings: Earning[]
}

/** Ten slots are five minutes, from beat to beat. */
const RATED_AFTER_SLOTS = 10
const FOLLOWED_AFTER_SLOTS = 4
const TIPS = [10, 20, 50, 100, 500] as const

/** Streams there are to watch, and how many slots the evening has. */
export interface Programme {
  streams: PlannedStream[]
  slots: number
  seed: number
}

export function attend(n: number, programme: Programme, chance: Random): Attendance {
  const user = viewer(n, chance)
  const stays = planStays(programme, chance)
  const watched = stays.filter(isWatching)
  return {
    user,
    devices: devices(user, chance),
    stays,
    ratings: ratings(user, watched, chance),
    follows: follows(user, watched, chance),
    earnings: tips(user, watched, programme.seed, chance),
  }
}

interface Watching extends Stay {
  page: PlannedStream
}

export const isWatching = (stay: Stay): stay is Watching => typeof stay.page !== 'string'

/** Stays of a viewer who comes once or a few times, at first almost as likely with the evening's beginning as later. */
function planStays({ streams, slots }: Programme, chance: Random): Stay[] {
  const plan: Stay[] = []
  let slot = chance.chance(0.4) ? 0 : chance.between(0, Math.max(0, slots - 1))
  while (slot < slots) {
    const leaves = Math.min(slots, slot + chance.between(4, Math.max(4, slots)))
    while (slot < leaves) {
      const page = choose(streams, slot, chance)
      const longest = typeof page === 'string' ? chance.between(1, 3) : chance.between(4, 41)
      const until = Math.min(leaves, slot + longest, typeof page === 'string' ? leaves : page.until)
      plan.push({ from: slot, to: until - 1, page })
      slot = until
    }
    slot += chance.between(4, 30)
  }
  return plan
}

function choose(streams: PlannedStream[], slot: number, chance: Random): Page {
  const on = streams.filter(({ from, until }) => from <= slot && slot < until)
  if (on.length === 0 || !chance.chance(0.7)) return chance.pick(['/', '/feed'])
  return on[chance.weighted(on.map(({ streamer }) => streamer.popularity))]!
}

/** Ratings by some who watched a stream for five minutes, given when they next leave it, most of them kind. */
function ratings({ id: userId }: User, watched: Watching[], chance: Random): PlannedRating[] {
  return [...Map.groupBy(watched, ({ page }) => page)].flatMap(([stream, stays]) => {
    let slots = 0
    const enough = stays.find(({ from, to }) => {
      slots += to - from
      return slots >= RATED_AFTER_SLOTS
    })
    if (!enough || !chance.chance(0.3)) return []
    return [{ slot: enough.to, userId, stream, score: 1 + chance.weighted([1, 1, 3, 6, 9]) }]
  })
}

function follows({ id: userId }: User, watched: Watching[], chance: Random): Follow[] {
  const long = watched.filter(({ from, to }) => to - from >= FOLLOWED_AFTER_SLOTS)
  return [...Map.groupBy(long, ({ page }) => page.streamer.id)].flatMap(([streamer, [first]]) =>
    chance.chance(0.25) ? [{ slot: first!.to, userId, streamer }] : [],
  )
}

/** Tips have the same ids when the same evening is played again. */
function tips({ id: userId }: User, watched: Watching[], seed: number, chance: Random): Earning[] {
  return watched
    .filter(() => chance.chance(0.1))
    .map(({ from, to, page }, nth) => ({
      slot: chance.between(from, to),
      id: `tip-${seed}-${userId}-${nth + 1}`,
      streamer: page.streamer.id,
      amount: TIPS[chance.weighted([8, 6, 4, 2, 1])]!,
    }))
}
