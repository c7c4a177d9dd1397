import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { aliasesOf } from '../../../machines/feed.ts'
import type { Document } from '../../documents/index.ts'
import { RollcallError } from '../../errors.ts'
import { explain } from '../../feeds/explanation.ts'
import { feedKeys, feedOf } from '../../feeds/groups.ts'
import { mustHave } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { of } from './reference/route.ts'

const query = z.object({
  explain: z
    .enum(['true', 'false'])
    .optional()
    .describe('For operators: why it would be as it is if it were made now.'),
})

const item = z
  .object({
    id: z.string().describe("The streamer's user id."),
    ...{ username: z.string().nullable(), biography: z.string().nullable() },
    priority: z.number().nullable().describe('−n by its tag `feed:<alias>[:<n>]`, 0 without n; null: no such tag.'),
    metadata: z.object({
      preset: z.string().nullable(),
      goal: z.unknown(),
      revenue: z.number().optional().describe('For services alone.'),
      viewers: z.number().int(),
      started: z.string().nullable(),
      trendingRanking: z.number().int().describe('-1: not trending.'),
      ...{ currentRating: z.number(), sScore: z.number() },
    }),
    badges: z.array(z.string()),
  })
  .meta({ id: 'FeedItem' })

const explained = z.object({
  ...{ alias: z.string(), at: z.number().int(), generatedAt: z.number().int().nullable() },
  items: z.array(
    z.object({
      ...{ id: z.string(), sessionId: z.string(), priority: z.number().nullable() },
      ...{ trendingRanking: z.number().int(), started: z.string().nullable() },
    }),
  ),
  leftOut: z.array(z.object({ id: z.string(), sessionId: z.string(), rule: z.string() })).max(1_000),
  untold: z.number().int(),
})

export function feedRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { documents, settings, time } = bridge
  const aliases = feedKeys(settings.feeds.groups).flatMap(aliasesOf)
  /** of the latest generations: a feed is read far more often than it changes */
  const texts = new Map<string, FeedTexts>()
  const feed = of('user', {
    ...{ group: 'Feeds', does: 'A feed as it was made last; no items where it never was.' },
    more: 'Made 15 s after a streamer it may show goes online or off, and the like; once a minute at most.',
    ...{ params: { alias: z.enum(aliases) }, query, needs: ['documents'], codes: ['RC_NOT_FOUND'] },
    answers: {
      200: z.union([z.object({ items: z.array(item), generatedAt: z.number().int().nullable() }), explained]),
    },
  })

  app.get<{ Params: { alias: string } }>('/feeds/:alias', feed, async (request, reply) => {
    const { params, caller } = request
    const { alias } = params
    if (!aliases.includes(alias)) throw new RollcallError('RC_NOT_FOUND')
    if (parseOne(query, request.query, time.now()).explain === 'true') {
      mustHave(caller, 'operator')
      return explanationOf(bridge, alias)
    }
    const head = await documents.get('feeds', alias)
    reply.type('application/json; charset=utf-8')
    const known = texts.get(alias)
    const own = ({ forServices, forUsers }: FeedTexts) => (caller.isService ? forServices : forUsers)
    if (known && known.generatedAt === head?.generatedAt) return own(known)
    const latest = head && (await documents.get('feeds', String(head.latest)))
    if (!latest) return JSON.stringify({ items: [], generatedAt: null })
    const fresh = textsOf(latest)
    texts.set(alias, fresh)
    return own(fresh)
  })
}

/** The feed as it would be generated now. */
async function explanationOf({ documents, settings, time }: Bridge, alias: string) {
  const { groups, excludedTags, items: limit } = settings.feeds
  const key = feedKeys(groups).find(key => aliasesOf(key).includes(alias))!
  const listed = await documents.get('trending', 'trending')
  const trending: string[] = Array.isArray(listed?.userIds) ? listed.userIds : []
  const head = await documents.get('feeds', alias)
  const explanation = await explain(documents, { ...feedOf(groups, key, excludedTags)!, trending, limit })
  return { alias, at: time.now(), generatedAt: head?.generatedAt ?? null, ...explanation }
}

/** A generation of a feed as it is answered: what a streamer earned is nobody's business but the services'. */
interface FeedTexts {
  generatedAt: unknown
  forServices: string
  forUsers: string
}

function textsOf({ items, generatedAt }: Document): FeedTexts {
  const withoutRevenue = (items as { metadata: { revenue?: unknown } }[]).map(({ metadata, ...item }) => {
    const { revenue: _, ...shown } = metadata
    return { ...item, metadata: shown }
  })
  return {
    generatedAt,
    forServices: JSON.stringify({ items, generatedAt }),
    forUsers: JSON.stringify({ items: withoutRevenue, generatedAt }),
  }
}
