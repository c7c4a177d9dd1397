/** A session's rating: what it was given itself, on top of what an earlier session brought along. */

/** What one rater gave: the greatest (at, id) counts. */
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

export function startingRating(carried: { rating: number; count: number } | null): RatingState {
  const previous = carried?.rating ?? 0
  const previousCount = carried?.count ?? 0
  return { current: previous, currentCount: previousCount, previous, previousCount, ownSum: 0, ownCount: 0 }
}

/** With `rating` in the place of what the same rater gave before. */
export function rated(state: RatingState, rating: Rating, former: Rating | undefined): RatingState {
  const ownSum = state.ownSum + rating.score - (former?.score ?? 0)
  const ownCount = state.ownCount + (former ? 0 : 1)
  const currentCount = state.previousCount + ownCount
  const current = (state.previous * state.previousCount + ownSum) / currentCount
  return { ...state, ownSum, ownCount, current, currentCount }
}
