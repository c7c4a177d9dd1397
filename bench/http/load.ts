import autocannon from 'autocannon'
import { median, ROUNDS, rollcall, type Served, serve } from '../measure.ts'

/** Load over HTTP on several servers in turns, each a round after the other, so that what else the machine does meets all. */
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4)
const BODIES = 1_000

/** A request that is sent again and again; `body` is called for each of a thousand bodies. */
export interface Request {
  method: 'GET' | 'POST'
  path: string
  body?: (n: number) => unknown
  connections: number
}

export interface Result {
  perSecond: number
  p50: number
  p99: number
}

const token = process.env.BENCH_TOKEN
const HEADERS = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }

export async function load(url: string, { method, path, body, connections }: Request): Promise<Result> {
  const bodies = body && Array.from({ length: BODIES }, (_, n) => JSON.stringify(body(n)))
  let next = 0
  const result = await autocannon({
    ...{ url: `${url}${path}`, connections, duration: SECONDS, method, headers: HEADERS },
    ...(bodies && {
      requests: [{ setupRequest: request => ({ ...request, body: bodies[next++ % BODIES]! }) }],
    }),
  })
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${method} ${path}: ${result.non2xx} refused, ${result.errors} failed`)
  return { perSecond: result['2xx'] / result.duration, p50: result.latency.p50, p99: result.latency.p99 }
}

/** Rollcall, or the deployment that BENCH_URL names. */
export async function deployment(): Promise<Pick<Served, 'url' | 'stop'>> {
  const url = process.env.BENCH_URL
  return url ? { url: url.replace(/\/$/, ''), stop: async () => {} } : rollcall()
}

export const bare = (): Promise<Served> => serve(['bench/http/bare.ts'])
export const lean = (): Promise<Served> => serve(['bench/http/lean.ts'])

/** Rounds of each of them, after one that does not count. */
export async function rounds<T extends string>(sides: Record<T, () => Promise<Result>>): Promise<Record<T, Result>[]> {
  const names = Object.keys(sides) as T[]
  const all: Record<T, Result>[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const results = {} as Record<T, Result>
    for (const name of names) results[name] = await sides[name]()
    if (round >= 0) all.push(results)
  }
  return all
}

/** The median of the rounds' ratios of one side's requests to another's. */
export const ratioOf = <T extends string>(all: Record<T, Result>[], of: T, to: T): number =>
  median(all.map(round => round[of].perSecond / round[to].perSecond))

export const medianOf = <T extends string>(all: Record<T, Result>[], of: T, what: keyof Result): number =>
  median(all.map(round => round[of][what]))
