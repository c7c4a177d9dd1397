/** A session's rating: what it was given itself, on top of what an earlier session brought along. */

/** A rating by one rater, of whose ratings the greatest (at, id) counts. */
export interface Rating {
  score: number
  at: number
  id: string
}

export interface RatingState {
  current: number
  /** how many ratings `current` is the mean of */
  currentCount: number
  previous: number
  previousCount: number
  /** of this session's own ratings, one a rater */
  ownSum: number
  ownCount: number
}

/** The rating that a next session begins with. */
export interface Carried {
  rating: number
  count: number
}

const UNRATED: RatingState = { current: 0, currentCount: 0, previous: 0, previousCount: 0, ownSum: 0, ownCount: 0 }

export const startingRating = (carried: Carried | null): RatingState =>
  carried === null ? UNRATED : withPrevious(UNRATED, carried)

/** With an earlier session's rating under its own. */
export const withPrevious = (state: RatingState, { rating, count }: Carried): RatingState =>
  summed({ ...state, previous: rating, previousCount: count })

/** With `rating` in the place of what the same rater gave before. */
export function rated(state: RatingState, rating: Rating, former: Rating | undefined): RatingState {
  const ownSum = state.ownSum + rating.score - (former?.score ?? 0)
  return summed({ ...state, ownSum, ownCount: state.ownCount + (former ? 0 : 1) })
}

function summed(state: RatingState): RatingState {
  const currentCount = state.previousCount + state.ownCount
  const current = (state.previous * state.previousCount + state.ownSum) / currentCount
  return { ...state, current, currentCount }
}
