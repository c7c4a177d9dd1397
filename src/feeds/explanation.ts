/** An explanation of a feed: its own stages, one after the other, and who is gone after which of them. */
import type { Document, DocumentStore } from '../documents/index.ts'
import type { FeedItem, FeedOptions } from './pipeline.ts'
import { feed } from './pipeline.ts'

/** Streamers that are told to be left out at most. */
const MOST_LEFT_OUT = 1_000

/** A streamer with a session that is active, in the order of the feed. */
export interface Explained extends Pick<FeedItem, 'id' | 'priority'> {
  sessionId: string
  /** -1: not trending */
  trendingRanking: number
  started: string | null
}

export interface Explanation {
  items: Explained[]
  leftOut: { id: string; sessionId: string; rule: string }[]
  /** how many are left out beyond those that are told */
  untold: number
}

type Stage = Record<string, unknown>

/** Explains a feed: who would be in it if it were generated now, and who would not, by which rule. */
export async function explain(documents: DocumentStore, options: FeedOptions): Promise<Explanation> {
  const stages = feed(options).flatMap(single)
  const end = stages.findIndex(stage => '$limit' in stage) + 1
  let items: Document[] = []
  const leftOut: Explanation['leftOut'] = []
  for (const [i, stage] of stages.slice(0, end).entries()) {
    const rule = ruleOf(stage)
    if (i === 0 || rule === null) continue
    const before = await documents.aggregate('sessions', stages.slice(0, i))
    items = await documents.aggregate('sessions', stages.slice(0, i + 1))
    const left = new Set(items.map(({ _id }) => _id))
    for (const { _id: sessionId, userId } of before)
      if (!left.has(sessionId)) leftOut.push({ id: String(userId), sessionId, rule })
  }
  return {
    items: items.map(({ _id: sessionId, userId, priority, trendingRanking, started }) => ({
      ...({ id: userId, sessionId, priority, trendingRanking, started } as Explained),
    })),
    leftOut: leftOut.slice(0, MOST_LEFT_OUT),
    untold: Math.max(0, leftOut.length - MOST_LEFT_OUT),
  }
}

/** Conditions that all have to hold, as stages of their own. */
const single = (stage: Stage): Stage[] => {
  const all = (stage.$match as { $and?: Stage[] } | undefined)?.$and
  return all ? all.map(each => ({ $match: each })) : [stage]
}

/** The rule of a stage for whoever stays, in words; null: all do. */
function ruleOf({ $unwind, $match, $limit }: Stage): string | null {
  if ($unwind === '$user') return 'there is no user of this id'
  if ($limit !== undefined) return `comes behind the first ${$limit}`
  if ($match === undefined) return null
  const { $in, $nin } = ($match as { 'user.tags'?: { $in?: string[]; $nin?: string[] } })['user.tags'] ?? {}
  if ($nin) return `has one of the tags ${$nin.join(', ')}`
  if ($in) return `has none of the tags ${$in.join(', ')}`
  return `does not match ${JSON.stringify($match)}`
}
