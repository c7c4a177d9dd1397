import { bare, deployment, load, medianOf, type Request, ratioOf, rounds } from './http/load.ts'
import { ROUNDS, say, thousands } from './measure.ts'

/** The other ways in, and the reads, against a bare node:http server that answers 202. */
const CONNECTIONS = 64
const STREAMERS = 200

let made = 0
const run = Date.now().toString(36)
const visit = () => ({
  ...{ id: `e${run}-${++made}`, sessionId: `visitor-${run}-${made % 5_000}`, ts: Date.now(), page: `/${made % 7}` },
})
const start = (n: number) => ({ userId: `streamer-${n % STREAMERS}` })

const REQUESTS: Omit<Request, 'connections'>[] = [
  { method: 'POST', path: '/events', body: visit },
  { method: 'POST', path: '/sessions', body: start },
  { method: 'GET', path: '/viewers' },
  { method: 'GET', path: '/sessions?active=true' },
  { method: 'GET', path: '/statistics' },
]

const [plain, rollcall] = [await bare(), await deployment()]
for (const request of REQUESTS) {
  const asked = { ...request, connections: CONNECTIONS }
  const all = await rounds({ bare: () => load(plain.url, asked), rollcall: () => load(rollcall.url, asked) })
  say({
    claim: `${request.method} ${request.path}`,
    against: 'bare node:http 202',
    ratio: ratioOf(all, 'rollcall', 'bare'),
    method: `${CONNECTIONS} connections, ${ROUNDS} rounds: ${thousands(medianOf(all, 'rollcall', 'perSecond'))} / ${thousands(medianOf(all, 'bare', 'perSecond'))} requests/s, p99 ${medianOf(all, 'rollcall', 'p99')} ms`,
  })
}
await Promise.all([plain.stop(), rollcall.stop()])
