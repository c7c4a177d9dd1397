import autocannon from 'autocannon'
import { median, rollcall, serve, thousands } from './measure.ts'

/**
 * Heartbeats over HTTP, each answered when the log has it durably, against a bare node:http server in the same run.
 * Rounds alternate, so that what else the machine does meets both.
 */
const CONNECTIONS = 256
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4)
const ROUNDS = 3
const USERS = 50_000

let user = 0
const beat = () => ({
  userId: `user-${user++ % USERS}`,
  path: '/sessions/6b042fa2a1ad9d79cc18eec5',
  country: 'TW',
  groups: ['free'],
})
const bodyOf = (count: number): string => JSON.stringify(count === 1 ? beat() : Array.from({ length: count }, beat))

interface Result {
  perSecond: number
  p50: number
  p99: number
}

async function load(url: string, count: number): Promise<Result> {
  const bodies = Array.from({ length: 1_000 }, () => bodyOf(count))
  let next = 0
  const result = await autocannon({
    url: `${url}/heartbeats`,
    connections: CONNECTIONS,
    duration: SECONDS,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    requests: [{ setupRequest: request => ({ ...request, body: bodies[next++ % bodies.length]! }) }],
  })
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} refused, ${result.errors} failed`)
  return { perSecond: result['2xx'] / result.duration, p50: result.latency.p50, p99: result.latency.p99 }
}

const bare = await serve(['bench/bare-http.ts'])
const real = await rollcall()
for (const count of [1, 100]) {
  await load(real.url, count)
  const results: { bare: Result; real: Result }[] = []
  for (let round = 0; round < ROUNDS; round++) {
    results.push({ bare: await load(bare.url, count), real: await load(real.url, count) })
  }
  const of = (name: 'bare' | 'real', what: keyof Result): number => median(results.map(result => result[name][what]))
  const ratio = median(results.map(({ bare, real }) => real.perSecond / bare.perSecond))
  console.log(`${count} heartbeat${count > 1 ? 's' : ''} a request, ${CONNECTIONS} connections, median of ${ROUNDS}:`)
  for (const name of ['bare', 'real'] as const) {
    const requests = of(name, 'perSecond')
    const what = `${thousands(requests)} requests/s, ${thousands(requests * count)} heartbeats/s`
    console.log(
      `  ${name === 'bare' ? 'node:http' : 'rollcall '}  ${what}, p50 ${of(name, 'p50')} ms, p99 ${of(name, 'p99')} ms`,
    )
  }
  console.log(`  ratio ${ratio.toFixed(2)}`)
}
await bare.stop()
await real.stop()
