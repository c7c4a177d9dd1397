/** One viewer's evening: which pages when, and what the viewer does for the streamers. Times are slots. */
import { type Device, devices, type User, viewer } from './people.ts'
import type { Random } from './random.ts'
import type { Stream } from './streams.ts'

export type Page = '/' | '/feed' | Stream

/** On one page from one beat to another, both included. */
export interface Stay {
  from: number
  to: number
  page: Page
}

export interface Rating {
  slot: number
  userId: string
  stream: Stream
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
  devices: Device[]
  stays: Stay[]
  ratings: Rating[]
  follows: Follow[]
  earnings: Earning[]
}

/** Five minutes, from beat to beat. */
const RATED_AFTER_SLOTS = 10
const FOLLOWED_AFTER_SLOTS = 4
const TIPS = [10, 20, 50, 100, 500] as const

/** What there is to watch, in how many slots. */
export interface Programme {
  streams: Stream[]
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
  page: Stream
}

export const isWatching = (stay: Stay): stay is Watching => typeof stay.page !== 'string'

/** Comes once or a few times, at first almost as likely with the beginning of the evening as later. */
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

function choose(streams: Stream[], slot: number, chance: Random): Page {
  const on = streams.filter(({ from, until }) => from <= slot && slot < until)
  if (on.length === 0 || !chance.chance(0.7)) return chance.pick(['/', '/feed'])
  return on[chance.weighted(on.map(({ streamer }) => streamer.popularity))]!
}

/** Some who watched a stream for five minutes rate it when they next leave it, most of them kindly. */
function ratings({ id: userId }: User, watched: Watching[], chance: Random): Rating[] {
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

/** Ids are those of the same evening's tips when it is played again. */
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
