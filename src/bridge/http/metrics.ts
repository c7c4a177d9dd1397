import type { FastifyInstance } from 'fastify'
import type { Bridge } from '../index.ts'
import { of } from './reference/route.ts'

/** As Prometheus knows its format. */
const TYPE = 'text/plain; version=0.0.4; charset=utf-8'

const metrics = of('scraper', {
  ...{ group: 'Operating', does: 'The metrics of this process, for Prometheus.' },
  answers: { 200: { type: 'text/plain', is: 'In the text format of Prometheus.' } },
})

/** The route of the metrics, and those of the routes themselves. */
export function metricsRoute(app: FastifyInstance, { exposition }: Bridge): void {
  app.get('/metrics', metrics, async (_request, reply) => {
    reply.type(TYPE)
    return exposition.text()
  })
}

/** No route is meant, or none that there is. */
const NONE = 'none'

/** Counts each answer by its route, which is the pattern and never the path. */
export function countAnswers(app: FastifyInstance, bridge: Bridge): void {
  app.addHook('onResponse', ({ method, routeOptions }, { statusCode, elapsedTime }, done) => {
    const route = routeOptions.url ?? NONE
    const labels = { method: route === NONE ? NONE : method, route, status: String(statusCode) }
    bridge.exposition.meter.spread('rollcall_http_request_seconds', labels).add(elapsedTime / 1_000)
    done()
  })
}
