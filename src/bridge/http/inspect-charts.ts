import type { FastifyInstance } from 'fastify'
import { KINDS } from '../../../actors/kinds.ts'
import { chartOf } from '../../inspect/chart/index.ts'
import { mustBeKind } from './inspect-streams.ts'
import { of } from './reference/route.ts'
import { kind } from './snapshot.ts'

const chart = of('operator', {
  ...{ group: 'Inspector', does: 'The state chart of a kind, drawn when it is first asked for.', params: { kind } },
  ...{ answers: { 200: { type: 'image/svg+xml', is: 'The chart.' } }, codes: ['RC_NOT_FOUND'] },
})

/** The state charts of the kinds, each drawn when it is first asked for. */
export function inspectChartRoutes(app: FastifyInstance): void {
  app.get<{ Params: { kind: string } }>('/inspect/charts/:kind', chart, async ({ params }, reply) => {
    mustBeKind(params.kind)
    const { machine } = KINDS.find(({ kind }) => kind === params.kind)!
    reply.type('image/svg+xml')
    return chartOf(machine)
  })
}
