/** Feeds, and explanations of feeds, as a server answers for them. */
import { z } from 'zod'
import { listOf } from './answer.ts'

const NAME = z.string().nullable()
const ITEM = z.object({ id: z.string(), username: NAME, metadata: z.object({ viewers: z.number() }) })

export const FEED = z.object({ items: listOf(ITEM) })
export type Feed = z.infer<typeof FEED>

const EXPLAINED = z.object({
  ...{ id: z.string(), priority: z.number().nullable(), trendingRanking: z.number(), started: NAME },
})

export const EXPLANATION = z.object({
  items: listOf(EXPLAINED),
  leftOut: listOf(z.object({ id: z.string(), rule: z.string() })),
  untold: z.number(),
})
export type Explanation = z.infer<typeof EXPLANATION>
