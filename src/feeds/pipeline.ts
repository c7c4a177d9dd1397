/**
 * The feed as data: an aggregation pipeline over `sessions` that MongoDB, DocumentDB and mingo run alike.
 * Hence every optional field goes through `$ifNull` before anything is asked of it, and numbers are plain.
 */

export interface FeedOptions {
  /** whose `feed:<alias>[:<n>]` tags give priority */
  alias: string
  /** tags of which the streamer has one; empty: any streamer */
  include: readonly string[]
  /** tags of which the streamer has none */
  exclude: readonly string[]
  /** ids of trending streamers, best first */
  trending: readonly string[]
  /** items at most, 1 or more */
  limit: number
}

export interface FeedItem {
  /** the streamer's user id */
  id: string
  username: string | null
  biography: string | null
  metadata: {
    preset: string | null
    /** the first of the goals shown to all, else of the exclusive ones */
    goal: unknown
    revenue: number
    viewers: number
    started: string | null
    /** -1: not trending */
    trendingRanking: number
    currentRating: number
    sScore: number
  }
  badges: string[]
}

/** Ratings that a session needs: with 19 its rating counts as 0. */
const RATINGS = 20

const orNull = (path: string) => ({ $ifNull: [path, null] })
const firstOf = (path: string) => ({ $arrayElemAt: [{ $ifNull: [path, []] }, 0] })
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const tagsLike = (regex: string) => ({
  $filter: { input: '$tags', as: 'tag', cond: { $regexMatch: { input: '$$tag', regex } } },
})

export const feed = ({ alias, include, exclude, trending, limit }: FeedOptions): Record<string, unknown>[] => {
  const placeOfN = `feed:${alias}`.split(':').length
  const n = { $arrayElemAt: [{ $split: [{ $arrayElemAt: ['$own', 0] }, ':'] }, placeOfN] }
  const passing = [{ 'user.tags': { $nin: exclude } }]
  return [
    { $match: { active: true } },
    {
      $project: {
        userId: 1,
        preset: orNull('$status.preset'),
        goal: { $ifNull: [firstOf('$showGoalPairs'), firstOf('$exclusiveGoalPairs'), null] },
        viewers: { $ifNull: ['$metadata.viewerCount', 0] },
        started: orNull('$statuses.started'),
        rating: {
          $cond: [{ $lt: [{ $ifNull: ['$rating.currentCount', 0] }, RATINGS] }, 0, { $ifNull: ['$rating.current', 0] }],
        },
      },
    },
    { $lookup: { from: 'users', localField: 'userId', foreignField: '_id', as: 'user' } },
    { $unwind: '$user' },
    { $match: { $and: include.length === 0 ? passing : [...passing, { 'user.tags': { $in: include } }] } },
    { $addFields: { tags: { $ifNull: ['$user.tags', []] } } },
    { $addFields: { own: tagsLike(`^feed:${escaped(alias)}(:[0-9]{1,6})?$`) } },
    {
      $addFields: {
        // A streamer without such a tag has null, which sorts below all numbers.
        priority: {
          $cond: [
            { $eq: [{ $size: '$own' }, 0] },
            null,
            { $multiply: [-1, { $convert: { input: n, to: 'int', onError: 0, onNull: 0 } }] },
          ],
        },
        trendingRanking: { $indexOfArray: [{ $literal: trending }, '$userId'] },
      },
    },
    { $sort: { priority: -1, trendingRanking: -1, started: -1, _id: 1 } },
    { $limit: limit },
    { $lookup: { from: 'earnings', localField: 'userId', foreignField: 'userId', as: 'earnings' } },
    {
      $project: {
        _id: 0,
        id: '$userId',
        username: orNull('$user.username'),
        biography: orNull('$user.profile.biography'),
        metadata: {
          preset: '$preset',
          goal: '$goal',
          revenue: { $sum: '$earnings.amount' },
          viewers: '$viewers',
          started: '$started',
          trendingRanking: '$trendingRanking',
          currentRating: '$rating',
          sScore: { $multiply: ['$rating', '$viewers'] },
        },
        badges: tagsLike('^badge:'),
      },
    },
  ]
}
