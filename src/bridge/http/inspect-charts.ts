import type { FastifyInstance } from 'fastify'
import { KINDS } from '../../../actors/kinds.ts'
import { chartOf } from '../../inspect/chart/index.ts'
import { OF_OPERATOR } from '../callers.ts'
import { mustBeKind } from './inspect-streams.ts'

/** The state charts of the kinds, each drawn when it is first asked for. */
export function inspectChartRoutes(app: FastifyInstance): void {
  app.get<{ Params: { kind: string } }>('/inspect/charts/:kind', OF_OPERATOR, async ({ params }, reply) => {
    mustBeKind(params.kind)
    const { machine } = KINDS.find(({ kind }) => kind === params.kind)!
    reply.type('image/svg+xml')
    return chartOf(machine)
  })
}
