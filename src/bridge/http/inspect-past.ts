import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { partitionOf } from '../../log/partition-of.ts'
import { OF_OPERATOR } from '../callers.ts'
import type { Bridge } from '../index.ts'
import { parseOne } from '../inputs.ts'
import { mustBeKind } from './inspect-streams.ts'

/** Steps that are told at most, and unless fewer are asked for: as many as a watch keeps. */
const MOST = 500

const pastQuery = z.object({
  limit: z
    .string()
    .regex(/^\d{1,3}$/, { error: `must be a number from 1 to ${MOST}` })
    .transform(Number)
    .pipe(z.number().min(1).max(MOST))
    .default(MOST),
})

interface OfActor {
  Params: { kind: string; key: string }
}

/** The past of any actor, which this process derives from what is kept, whoever owns the partition. */
export function inspectPastRoutes(app: FastifyInstance, { pasts, settings, time }: Bridge): void {
  app.get<OfActor>('/inspect/actors/:kind/:key/past', OF_OPERATOR, async ({ params: { kind, key }, query }) => {
    mustBeKind(kind)
    const { limit } = parseOne(pastQuery, query, time.now())
    return pasts.past({ partition: partitionOf(key, settings.partitions), kind, key, limit })
  })
}
