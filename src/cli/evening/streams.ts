/** The streams of an evening: when each is on and what its streamer does with it. Times are slots of the evening. */
import type { Streamer } from './people.ts'
import type { Random } from './random.ts'

interface OnAir {
  from: number
  /** the first slot it is off again; the end of the evening where it is live beyond that */
  until: number
  ends: boolean
}

export interface PlannedStream extends OnAir {
  streamer: Streamer
  title: string
  /** when it leaves preview; null: it stays there */
  sd: number | null
  goals: Goals | null
}

export interface Goals {
  slot: number
  showGoalPairs: GoalPair[]
  exclusiveGoalPairs: GoalPair[]
}

interface GoalPair {
  title: string
  price: number
}

const GOALS = ['a song of your choice', 'dance', 'sing along', 'tell a secret', 'wear the hat', 'an hour more'] as const
const PRICES = [50, 100, 200, 500, 1_000] as const

/** Streams of which half, rounded up, are live at the end and a fifth never leave preview; a streamer's own are in time order. */
export function planStreams(streamers: Streamer[], slots: number, chance: Random): PlannedStream[] {
  const stay = Math.ceil(streamers.length / 2)
  return chance.shuffled(streamers).flatMap((streamer, place) =>
    spans(place, place < stay, slots, chance).map((span, nth) => ({
      streamer,
      title: nth === 0 ? `An evening of ${streamer.hashtag}` : `More ${streamer.hashtag}`,
      ...span,
      sd: place % 5 === 3 ? null : soon(span, chance.between(1, 4)),
      goals: chance.chance(0.5) ? goals(soon(span, chance.between(2, 8)), chance) : null,
    })),
  )
}

/** Spans of a streamer: the first streamer is on all the time, every third of the others takes a break. */
function spans(place: number, stays: boolean, slots: number, chance: Random): OnAir[] {
  if (place === 0) return [{ from: 0, until: slots, ends: false }]
  const within = (least: number, most: number) => chance.between(Math.floor(least * slots), Math.floor(most * slots))
  const from = within(0, 0.2)
  const leaves = stays ? slots : within(0.75, 0.9)
  if (place % 3 !== 1) return [{ from, until: Math.max(from + 1, leaves), ends: !stays }]
  const pauses = Math.max(from + 1, within(0.3, 0.45))
  const returns = Math.max(pauses, within(0.55, 0.65))
  return [
    { from, until: pauses, ends: true },
    { from: returns, until: Math.max(returns + 1, leaves), ends: !stays },
  ]
}

const soon = ({ from, until }: OnAir, after: number): number => Math.min(from + after, until - 1)

function goals(slot: number, chance: Random): Goals {
  const pairs = (titles: readonly string[]) => titles.map(title => ({ title, price: chance.pick(PRICES) }))
  const titles = chance.shuffled(GOALS)
  const shown = chance.between(1, 3)
  return {
    slot,
    showGoalPairs: pairs(titles.slice(0, shown)),
    exclusiveGoalPairs: pairs(titles.slice(shown, shown + chance.between(0, 2))),
  }
}
