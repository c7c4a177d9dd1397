import type { FeedItem, FeedOptions } from '../../src/feeds/pipeline.ts'

type Maybe<T> = T | null | undefined
type Goal = { title: string; price: number }

export interface Session {
  _id: string
  userId?: Maybe<string>
  active?: Maybe<boolean>
  status?: Maybe<{ preset?: Maybe<string> }>
  statuses?: Maybe<{ started?: Maybe<string> }>
  rating?: Maybe<{ current?: Maybe<number>; currentCount?: Maybe<number> }>
  metadata?: Maybe<{ viewerCount?: Maybe<number> }>
  showGoalPairs?: Maybe<Goal[]>
  exclusiveGoalPairs?: Maybe<Goal[]>
}

export interface User {
  _id: string
  username?: Maybe<string>
  profile?: Maybe<{ biography?: Maybe<string> }>
  tags?: Maybe<string[]>
}

export interface Earning {
  _id: string
  userId?: Maybe<string>
  amount?: Maybe<number>
}

export interface Platform {
  sessions: Session[]
  users: User[]
  earnings: Earning[]
}

interface Candidate {
  session: Session
  user: User
  tags: string[]
  priority: number | null
  ranking: number
  started: string | null
}

const DIGITS = /^\d{1,6}$/

/** Of the first tag for this feed, under either name; the more its number, the lower. */
function priorityOf(tags: string[], aliases: readonly string[]): number | null {
  for (const tag of tags) {
    for (const own of aliases.map(alias => `feed:${alias}`)) {
      if (tag === own) return 0
      const number = tag.startsWith(`${own}:`) ? tag.slice(own.length + 1) : ''
      if (DIGITS.test(number)) return 0 - Number(number)
    }
  }
  return null
}

/** Which goes first, each rule where those before leave it open. */
function order(one: Candidate, other: Candidate): number {
  if (one.priority !== other.priority) {
    if (one.priority === null) return 1
    return other.priority === null || one.priority > other.priority ? -1 : 1
  }
  if (one.ranking !== other.ranking) return one.ranking > other.ranking ? -1 : 1
  if (one.started !== other.started) {
    if (one.started === null) return 1
    return other.started === null || one.started > other.started ? -1 : 1
  }
  return one.session._id < other.session._id ? -1 : 1
}

/** The items of a feed by the book, one streamer after the other, without any pipeline. */
export function expectedFeed({ sessions, users, earnings }: Platform, options: FeedOptions): FeedItem[] {
  const userOf = new Map(users.map(user => [user._id, user]))
  const revenueOf = new Map<string, number>()
  for (const { userId, amount } of earnings) {
    if (userId) revenueOf.set(userId, (revenueOf.get(userId) ?? 0) + (amount ?? 0))
  }
  const rankingOf = new Map(options.trending.map((id, ranking) => [id, ranking]))

  const candidates: Candidate[] = []
  for (const session of sessions) {
    const user = userOf.get(session.userId ?? '')
    if (session.active !== true || user === undefined) continue
    const tags = user.tags ?? []
    if (tags.some(tag => options.exclude.includes(tag))) continue
    if (options.include.length > 0 && !tags.some(tag => options.include.includes(tag))) continue
    const ranking = rankingOf.get(user._id) ?? -1
    const started = session.statuses?.started ?? null
    candidates.push({ session, user, tags, priority: priorityOf(tags, options.aliases), ranking, started })
  }

  return candidates
    .sort(order)
    .slice(0, options.limit)
    .map(({ session, user, tags, priority, ranking, started }) => {
      const viewers = session.metadata?.viewerCount ?? 0
      const { current, currentCount } = session.rating ?? {}
      const rating = (currentCount ?? 0) >= 20 ? (current ?? 0) : 0
      return {
        id: user._id,
        username: user.username || null,
        biography: user.profile?.biography ?? null,
        priority,
        metadata: {
          preset: session.status?.preset ?? null,
          goal: session.showGoalPairs?.[0] ?? session.exclusiveGoalPairs?.[0] ?? null,
          revenue: revenueOf.get(user._id) ?? 0,
          viewers,
          started,
          trendingRanking: ranking,
          currentRating: rating,
          sScore: rating * viewers,
        },
        badges: tags.filter(tag => tag.startsWith('badge:') && tag !== 'badge:'),
      }
    })
}
