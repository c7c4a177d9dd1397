import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { METRICS } from '../../src/observe/metrics.ts'
import { Prometheus, prometheusFolder, promtool, samplesOf, scraped } from '../support/prometheus.ts'
import { labelsIn, metricsIn, panels, queries } from '../support/queries.ts'
import { type Server, startServer } from '../support/server.ts'

const LOADED_MS = 60_000
/** Of what does not happen every evening: their panels are empty. */
const RARE = /replay_entries|work_done|server_up|append_failures|effect_failures/

let server: Server
const textOf = async (): Promise<string> => (await scraped(await server.url, 1)).text!

/** An evening in little: viewers, a streamer, visits, and what is refused. */
async function load(round: number): Promise<void> {
  const beats = Array.from({ length: 20 }, (_, i) => ({ userId: `u${(round * 20 + i) % 400}`, path: '/live/x' }))
  await server.post('/heartbeats', beats)
  await server.post('/heartbeats', { userId: 'ann', path: `/${round % 3}` })
  await server.post('/heartbeats', { userId: 'ann' })
  await server.post('/events', { sessionId: `v${round % 50}`, ts: Date.now(), page: `/p${round}` })
  await server.get('/viewers')
  if (round % 20 > 0) return
  const { body: session } = await server.post('/sessions', { userId: `s${round}`, title: 'live' })
  await server.post(`/sessions/${session.id}/preset`, { preset: 'sd' })
}

beforeAll(async () => {
  server = await startServer({ ROLLCALL_FLUSH_MS: '100' })
  // Until garbage was collected: of what did not happen there are no series.
  for (let round = 0; !/gc_duration_seconds_count\{/.test(await textOf()); round += 20) await load(round)
})

describe('a query of ops/', () => {
  test('asks for metrics alone that there are', async () => {
    const known = new Set(
      [...(await textOf()).matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name, type]) =>
        type === 'histogram' || type === 'summary'
          ? ['', '_bucket', '_sum', '_count'].map(end => name! + end)
          : [name!],
      ),
    )
    const asked = queries().flatMap(metricsIn)
    expect(asked.length).toBeGreaterThan(60)
    expect(asked.filter(name => !known.has(name))).toEqual([])
  })

  test('tells apart by labels alone that its metrics have', async () => {
    const text = await textOf()
    const labelsOf = (name: string): readonly string[] => {
      const base = name.replace(/_(bucket|sum|count)$/, '') as keyof typeof METRICS
      if (base in METRICS) return METRICS[base].labels
      const series = [...samplesOf(text).keys()].filter(key => key.startsWith(`${name}{`))
      return series.flatMap(key => [...key.matchAll(/(\w+)="/g)].map(([, label]) => label!))
    }
    const unknown = queries().flatMap(query => {
      const own = new Set([...metricsIn(query).flatMap(labelsOf), ...(query.of === 'Alerts' ? ['alertname'] : [])])
      return labelsIn(query)
        .filter(label => !own.has(label))
        .map(label => `${query.of}: ${label}`)
    })
    expect(unknown).toEqual([])
  })
})

describe.skipIf(!prometheusFolder())('under load', () => {
  let prometheus: Prometheus
  beforeAll(async () => {
    prometheus = await Prometheus.start(new URL(await server.url).host, '2s')
    await prometheus.scraping()
    const until = Date.now() + LOADED_MS
    for (let round = 2; Date.now() < until; round++) await Promise.all([load(round), pause(20)])
    return () => prometheus.stop()
  }, 3 * LOADED_MS)

  test('Prometheus scrapes it every two seconds without a fault', async () => {
    const { activeTargets } = await prometheus.api('targets')
    expect(activeTargets).toMatchObject([{ health: 'up', lastError: '' }])
    const value = async (query: string): Promise<number> =>
      Number((await prometheus.api('query', { query })).result[0].value[1])
    expect(await value('min_over_time(up[1m])')).toBe(1)
    expect(await value('count_over_time(up[1m])')).toBeGreaterThanOrEqual(25)
    expect(await value('max_over_time(scrape_duration_seconds[1m])')).toBeLessThan(2)
    // Each scrape is kept whole: two series of one name and labels would be fewer.
    expect(await value('scrape_samples_post_metric_relabeling')).toBe(await value('scrape_samples_scraped'))
    expect(prometheus.complaints).toEqual([])
  })

  test('promtool finds nothing to complain about in what it scrapes', async () => {
    expect(await promtool(['check', 'metrics'], await textOf())).toEqual({ code: 0, said: '' })
  })

  test('no alert fires', async () => {
    expect(
      (await prometheus.api('alerts')).alerts.filter((each: { state: string }) => each.state === 'firing'),
    ).toEqual([])
    const { groups } = await prometheus.api('rules')
    expect(groups.flatMap((group: { rules: { health: string }[] }) => group.rules.map(({ health }) => health))).toEqual(
      Array(queries().length - panels().length).fill('ok'),
    )
  })

  test('every panel of the dashboard shows something', async () => {
    const empty = []
    for (const { of, expr } of panels()) {
      const { result } = await prometheus.api('query', { query: expr })
      if (result.length === 0 && !RARE.test(expr)) empty.push(`${of}: ${expr}`)
    }
    expect(empty).toEqual([])
  })
})
