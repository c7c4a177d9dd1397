import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { partitionOf } from '../../log/partition-of.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { mustBeKind } from './inspect-streams.ts'
import { of } from './reference/route.ts'
import { actorParams, frame } from './snapshot.ts'

/** Steps that are told at most, and unless fewer are asked for: as many as a watch keeps. */
const MOST = 500

const pastQuery = z.object({
  limit: z
    .string()
    .regex(/^\d{1,3}$/, { error: `must be a number from 1 to ${MOST}` })
    .transform(Number)
    .pipe(z.number().min(1).max(MOST))
    .default(MOST)
    .meta({ type: 'integer', minimum: 1, maximum: MOST }),
})

const past = of('operator', {
  ...{
    group: 'Inspector',
    does: 'The last events of an actor, each with where it led, derived anew from what is kept.',
  },
  ...{ params: actorParams, query: pastQuery, needs: ['owner', 'documents'] },
  codes: ['RC_NOT_FOUND', 'RC_OVERLOADED', 'RC_LOG_UNAVAILABLE'],
  answers: {
    200: z.object({
      since: z.object({ seq: z.number().int(), at: z.number().int().nullable() }),
      reason: z.string().nullable().describe('Why none from before is told; null: there is none.'),
      before: z.object({ value: z.unknown(), context: z.looseObject({}) }).nullable(),
      steps: z.array(frame).max(MOST),
    }),
  },
})

interface OfActor {
  Params: { kind: string; key: string }
}

/** The past of any actor, which this process derives from what is kept, whoever owns the partition. */
export function inspectPastRoutes(app: FastifyInstance, { pasts, settings, time }: Bridge): void {
  app.get<OfActor>('/inspect/actors/:kind/:key/past', past, async ({ params: { kind, key }, query }) => {
    mustBeKind(kind)
    const { limit } = parseOne(pastQuery, query, time.now())
    return pasts.past({ partition: partitionOf(key, settings.partitions), kind, key, limit })
  })
}
