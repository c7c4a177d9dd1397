import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { actorId } from '../../../actors/index.ts'
import { RollcallError } from '../../errors.ts'
import { partitionOf } from '../../log/partition-of.ts'
import { OF_OPERATOR } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { effectsOf } from './effects.ts'
import { inspectChartRoutes } from './inspect-charts.ts'
import { inspectLiveRoutes } from './inspect-live.ts'
import { inspectModuleRoutes } from './inspect-modules.ts'
import { inspectPageRoutes } from './inspect-page.ts'
import { inspectPastRoutes } from './inspect-past.ts'
import { inspectStatelyRoutes } from './inspect-stately.ts'
import { mustBeKind, Streams } from './inspect-streams.ts'
import { page, paged, USUAL } from './pages.ts'

/** Effects that an actor is shown with. */
const MOST_EFFECTS = 100
const SHORT_TEXT = 512

const text = z.string().min(1).max(SHORT_TEXT).optional()
const actorsQuery = z.object({ kind: text, state: text, q: text, ...page(USUAL) })

interface OfActor {
  Params: { kind: string; key: string }
}

/** The inspector: any actor as it is and as it goes on, whoever owns its partition; an operator's, but for its page. */
export function inspectRoutes(app: FastifyInstance, bridge: Bridge): void {
  app.register(async inside => {
    inspectPageRoutes(inside, bridge)
    inspectModuleRoutes(inside)
    inspectChartRoutes(inside)
    actorRoutes(inside, bridge)
    inspectPastRoutes(inside, bridge)
    const streams = new Streams(bridge)
    inspectLiveRoutes(inside, bridge, streams)
    inspectStatelyRoutes(inside, bridge, streams)
  })
}

function actorRoutes(app: FastifyInstance, bridge: Bridge): void {
  const { directory, settings, time } = bridge

  app.get('/inspect/actors', OF_OPERATOR, async ({ query }) => {
    const { kind, state, q, after, limit } = parseOne(actorsQuery, query, time.now())
    const asked = { kind, state, begins: q, after }
    const { actors, isWhole } = await directory.owner.listed(asked, limit + 1)
    // The latest are as many as fit: those behind them are found by what they are called, or by their state.
    const isPaged = after !== undefined || state !== undefined || q !== undefined
    const { items, next } = paged(actors, limit, ({ kind, key }) => actorId(kind, key))
    return {
      actors: items.map(({ at: _, ...actor }) => actor),
      next: isPaged ? next : undefined,
      isWhole: isWhole && (isPaged || next === undefined),
    }
  })

  app.get<OfActor>('/inspect/actors/:kind/:key', OF_OPERATOR, async ({ params: { kind, key } }) => {
    const view = await directory.owner.actor(partitionOf(key, settings.partitions), kind, key)
    if (!view.snapshot) throw new RollcallError('RC_NOT_FOUND')
    const effects = await effectsOf(bridge, { actor: actorId(kind, key) }, MOST_EFFECTS)
    return { ...view, value: view.snapshot.value, effects }
  })

  app.get<{ Params: { kind: string } }>('/inspect/population/:kind', OF_OPERATOR, async ({ params: { kind } }) => {
    mustBeKind(kind)
    return { kind, ...(await directory.owner.population(kind)) }
  })
}
