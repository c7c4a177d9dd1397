import type { Event } from '../../actors/event.ts'

/** A mix: how many beat, and how often the log is cut into entries. */
export interface Mix {
  users: number
  /** of each user, half a minute apart */
  beats: number
  /** events of an entry */
  entry: number
}

const EVERY_MS = 30_000
const STREAMS = 100
/** Pages change with one beat in so many. */
const PAGE_EVERY = 100
const COUNTRIES = ['TW', 'JP', 'US', 'DE', 'BR']
const GROUPS: readonly (readonly string[])[] = [['free'], ['free', 'new'], ['vip']]

const streamOf = (n: number): string => `6b042fa2a1ad9d79cc18${String(n % STREAMS).padStart(4, '0')}`

/** The beats of a platform as the bridge stamps them, in the order in which they arrive; the last one at about `end` (ms). */
export function* beatsOf({ users, beats }: Mix, end: number): Generator<Event> {
  const start = end - beats * EVERY_MS
  const page = new Uint32Array(users)
  for (let n = 0; n < users; n++) page[n] = n
  for (let round = 0; round < beats; round++) {
    for (let n = 0; n < users; n++) {
      if ((n * 7 + round * 13) % PAGE_EVERY === 0) page[n]!++
      const at = start + round * EVERY_MS + Math.floor((n * EVERY_MS) / users)
      const stream = streamOf(page[n]!)
      yield {
        ...{ kind: 'heartbeat', key: `user-${n}`, id: '', at, arrival: at + 20, path: `/sessions/${stream}`, stream },
        ...{ country: COUNTRIES[n % COUNTRIES.length]!, groups: GROUPS[n % GROUPS.length]! },
        ...{ streamer: `streamer-${page[n]! % STREAMS}`, preset: 'default' },
      }
    }
  }
}
