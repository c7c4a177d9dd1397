import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { actorId } from '../../../actors/index.ts'
import { RollcallError } from '../../errors.ts'
import { partitionOf } from '../../log/partition-of.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { effect, effectsOf } from './effects.ts'
import { inspectChartRoutes } from './inspect-charts.ts'
import { inspectLiveRoutes } from './inspect-live.ts'
import { inspectModuleRoutes } from './inspect-modules.ts'
import { inspectPageRoutes } from './inspect-page.ts'
import { inspectPastRoutes } from './inspect-past.ts'
import { inspectStatelyRoutes } from './inspect-stately.ts'
import { mustBeKind, Streams } from './inspect-streams.ts'
import { page, paged, pageOf, USUAL } from './pages.ts'
import { of } from './reference/route.ts'
import { actorParams, hasState, kind, NO_STATE_OF_KIND, snapshot, stateOf } from './snapshot.ts'

/** Effects that an actor is shown with. */
const MOST_EFFECTS = 100
const SHORT_TEXT = 512

const text = z.string().min(1).max(SHORT_TEXT).optional()
const actorsQuery = z
  .object({ kind: kind.optional(), state: stateOf(kind.options).optional(), q: text, ...page(USUAL) })
  .refine(hasState, NO_STATE_OF_KIND)

const list = of('operator', {
  ...{ group: 'Inspector', does: 'Actors of every kind, the latest first; with `state` or `q` by kind and key.' },
  more: '`q` is how keys begin. Of those not in memory a look finds the first 20,000 records or 250 ms of each partition.',
  ...{ query: actorsQuery, needs: ['owner'] },
  answers: {
    200: pageOf({
      actors: z.array(
        z.object({
          ...{ kind: z.string(), key: z.string(), value: z.unknown(), partition: z.number().int() },
          seq: z.number().int().nullable().describe('null: not in memory, or nothing changed it since it was read.'),
        }),
      ),
      isWhole: z.boolean().describe('false: there may be more.'),
    }),
  },
})
const one = of('operator', {
  ...{ group: 'Inspector', does: 'An actor, without waking it, with its latest 100 effects.', params: actorParams },
  answers: {
    200: z.object({
      ...{ kind: z.string(), key: z.string(), partition: z.number().int(), shard: z.number().int() },
      ...{ owner: z.string(), epoch: z.number().int(), seq: z.number().int(), cut: z.number().int() },
      ...{ isAwake: z.boolean(), value: z.unknown(), snapshot, effects: z.array(effect).max(MOST_EFFECTS) },
      edge: z.string().nullable().describe('The last one taken while somebody watched.'),
    }),
  },
  ...{ needs: ['owner', 'documents'], codes: ['RC_NOT_FOUND'] },
})
const counts = z.record(z.string(), z.number().int())
const population = of('operator', {
  ...{ group: 'Inspector', does: 'How many actors of a kind are in each state, and how often each edge was taken.' },
  more: 'Edges are of the last minute, counted from `since` on for as long as somebody asks every 30 s.',
  ...{ params: { kind }, needs: ['owner'], codes: ['RC_NOT_FOUND'] },
  answers: { 200: z.object({ kind: z.string(), states: counts, edges: counts, since: z.number().int() }) },
})

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

  app.get('/inspect/actors', list, async ({ query }) => {
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

  app.get<OfActor>('/inspect/actors/:kind/:key', one, async ({ params: { kind, key } }) => {
    const view = await directory.owner.actor(partitionOf(key, settings.partitions), kind, key)
    if (!view.snapshot) throw new RollcallError('RC_NOT_FOUND')
    const effects = await effectsOf(bridge, { actor: actorId(kind, key) }, MOST_EFFECTS)
    return { ...view, value: view.snapshot.value, effects }
  })

  app.get<{ Params: { kind: string } }>('/inspect/population/:kind', population, async ({ params: { kind } }) => {
    mustBeKind(kind)
    return { kind, ...(await directory.owner.population(kind)) }
  })
}
