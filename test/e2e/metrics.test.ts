import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openLog } from '../../src/log/embedded/writer.ts'
import { partitionOf } from '../../src/log/partition-of.ts'
import { familiesIn, figure } from '../support/exposition.ts'
import { beat as hostile } from '../support/hostile-events.ts'
import { type Server, startServer, temporaryDirectory } from '../support/server.ts'

let server: Server

const PARTITIONS = '4'

const text = async (): Promise<string> => (await server.get('/metrics')).body

/** Does something, and waits until the figure has moved by at least so much; answers by how much it has. */
async function moves(
  [name, labels]: [name: string, labels?: Record<string, string>],
  cause: () => Promise<unknown>,
  by = 1,
): Promise<void> {
  const before = figure(await text(), name, labels) ?? 0
  await cause()
  await vi.waitFor(
    async () => {
      const moved = (figure(await text(), name, labels) ?? 0) - before
      expect(moved, `${name} ${JSON.stringify(labels ?? {})}`).toBeGreaterThanOrEqual(by)
    },
    { timeout: 20_000, interval: 100 },
  )
}

const beat = async (userId: string, path = '/', at = Date.now()): Promise<void> => {
  expect((await server.post('/heartbeats', { userId, path, at })).status).toBe(202)
}

beforeAll(async () => {
  server = await startServer({ ROLLCALL_FLUSH_MS: '50', ROLLCALL_PARTITIONS: PARTITIONS, ROLLCALL_LATE_MS: '60000' })
})

describe('the figures of a server move when', () => {
  test('something is appended, applied and committed', async () => {
    await moves(['rollcall_log_appended_events_total'], () => beat('ann'))
    await moves(['rollcall_log_appended_entries_total'], () => beat('ann'))
    await moves(['rollcall_log_appended_bytes_total'], () => beat('ann'), 10)
    await moves(['rollcall_log_append_seconds'], () => beat('ann'))
    await moves(['rollcall_batch_events'], () => beat('ann'))
    await moves(['rollcall_transition_seconds_total'], () => beat('ann'), 1e-9)
    await moves(['rollcall_commits_total'], () => beat('ann'))
    await moves(['rollcall_commit_seconds'], () => beat('ann'))
    await moves(['rollcall_commit_bytes_total'], () => beat('ann'), 10)
    await moves(['rollcall_last_commit_timestamp_seconds'], () => beat('ann'), 0.001)
  })

  test('a viewer comes, stays, goes on to another page, or is too late', async () => {
    await moves(['rollcall_actors_resident', { kind: 'viewer' }], () => beat('bob'))
    await moves(['rollcall_actors_resident_bytes'], () => beat('cid'))
    await moves(['rollcall_viewers_alive'], () => beat('dan'))
    await moves(['rollcall_pulses_total'], async () => {
      const at = Date.now() - 5_000
      for (let n = 0; n < 3; n++) await beat('eve', '/', at + n * 1_000)
    })
    await moves(['rollcall_transitions_total', { kind: 'viewer' }], () => beat('eve', '/other'))
    await beat('fay')
    await moves(['rollcall_beats_late_total'], () => beat('fay', '/', Date.now() - 100_000))
  })

  test('a visitor and a streamer do something', async () => {
    const visit = () => server.post('/events', { sessionId: 'v', ts: Date.now(), page: '/a' })
    await moves(['rollcall_transitions_total', { kind: 'visitor' }], visit)
    await moves(['rollcall_documents_written_total', { collection: 'web-events' }], visit)
    await moves(['rollcall_sessions_live'], () => server.post('/sessions', { userId: 'sam' }))
    const started = () => server.post('/sessions', { userId: 'sam' })
    await moves(['rollcall_effects_total', { kind: 'session.started', result: 'recorded' }], started)
    await moves(['rollcall_effects_total', { kind: 'generate_livestream_feed', result: 'done' }], started)
    await moves(['rollcall_documents_written_total', { collection: 'users' }], () =>
      server.put('/users/sam', { tags: [] }),
    )
  })

  test('a request is answered or refused, by its pattern and never by its path', async () => {
    const route = (method: string, route: string, status: string): [string, Record<string, string>] => [
      'rollcall_http_request_seconds',
      { method, route, status },
    ]
    await moves(route('POST', '/heartbeats', '202'), () => beat('ann'))
    await moves(route('POST', '/heartbeats', '400'), () => server.post('/heartbeats', { userId: '', path: '/' }))
    await moves(route('GET', '/users/:id', '404'), () => server.get('/users/nobody-of-that-name'))
    await moves(route('none', 'none', '404'), () => server.get('/no-such-route'))
    await moves(['rollcall_refusals_total', { code: 'RC_NOT_FOUND' }], () => server.get('/no-such-route'))
    await moves(['rollcall_refusals_total', { code: 'RC_INVALID_INPUT' }], () => server.post('/heartbeats', []))
    await moves(['rollcall_refusals_total', { code: 'RC_BODY_TOO_LARGE', limit: 'body' }], () =>
      server.post('/heartbeats', { userId: 'x'.repeat(1_100_000) }).catch(() => {}),
    )
    const shown = await text()
    for (const name of ['nobody-of-that-name', 'no-such-route', 'ann', 'eve', 'sam'])
      expect(shown).not.toContain(`"${name}"`)
  })

  test('live sets are made anew, as they are after a start', async () => {
    const rebuilt = async () => expect(figure(await text(), 'rollcall_live_sets_rebuilt_total')).toBeGreaterThan(0)
    await vi.waitFor(rebuilt, { timeout: 30_000, interval: 500 })
  })
})

describe('the figures of a server', () => {
  test('say how it stands', async () => {
    const now = await text()
    for (const name of ['rollcall_ready', 'rollcall_owner', 'rollcall_owned_by_somebody', 'rollcall_build_info'])
      expect(figure(now, name), name).toBe(1)
    for (const name of ['rollcall_partition_running', 'rollcall_partition_epoch'])
      expect(figure(now, name), name).toBe(Number(PARTITIONS))
    for (const name of ['rollcall_parked', 'rollcall_effects_waiting', 'rollcall_outbox_oldest_seconds'])
      expect(figure(now, name), name).toBe(0)
    for (const name of ['rollcall_disk_free_bytes', 'rollcall_log_bytes', 'rollcall_state_bytes'])
      expect(figure(now, name), name).toBeGreaterThan(0)
    for (const shard of ['0', '1'])
      for (const name of ['busy_seconds_total', 'heap_bytes', 'gc_seconds_total'])
        expect(figure(now, `rollcall_shard_${name}`, { shard }), name).toBeGreaterThan(0)
  })

  test('are no more than the documentation says, and as Prometheus wants them', async () => {
    const now = await text()
    const series = [...familiesIn(now).values()].reduce((sum, { samples }) => sum + samples.size, 0)
    const routes = familiesIn(now).get('rollcall_http_request_seconds')!.samples.size
    expect(series - routes).toBeLessThan(12 * Number(PARTITIONS) + 2 * 70 + 300)
    if (spawnSync('promtool', ['--version']).error) return
    const file = join(temporaryDirectory(), 'metrics')
    writeFileSync(file, now)
    expect(execFileSync('sh', ['-c', `promtool check metrics < ${file} 2>&1`], { encoding: 'utf8' })).toBe('')
  })

  test('show what is parked, and begin at 0 after a restart, but for the epochs', async () => {
    await server.stop()
    const log = await openLog(join(server.data, 'log'), Number(PARTITIONS), {})
    await log.append(partitionOf('gus', Number(PARTITIONS)), [hostile('gus', { groups: 'all' })])
    await log.close()
    await server.restart()
    await vi.waitFor(async () => expect(figure(await text(), 'rollcall_parked', { kind: 'event' })).toBe(1), 10_000)
    expect(figure(await text(), 'rollcall_partition_epoch')).toBe(2 * Number(PARTITIONS))
    expect(figure(await text(), 'rollcall_transitions_total', { kind: 'visitor' })).toBeUndefined()
    await moves(['rollcall_commits_total'], () => beat('ann'))
  })
})

describe('the figures of effects move while', () => {
  const pusher = { PUSHER_APP_ID: '1', PUSHER_KEY: 'k', PUSHER_SECRET: 's', PUSHER_TLS: 'false' }
  const start = async (port: number): Promise<void> => {
    const to = { ...pusher, PUSHER_HOST: '127.0.0.1', PUSHER_PORT: String(port) }
    server = await startServer({ ROLLCALL_FLUSH_MS: '50', ROLLCALL_PARTITIONS: PARTITIONS, ...to })
  }

  test('their service gives no answer', async () => {
    await start(9)
    await moves(['rollcall_effects_waiting'], () => server.post('/sessions', { userId: 'sam' }))
    await moves(['rollcall_outbox_oldest_seconds'], async () => {}, 0.5)
    await moves(['rollcall_effect_failures_total', { kind: 'notify_viewers_livestream_online' }], async () => {})
  })

  test('their service refuses them', async () => {
    const refusing = createServer((_request, response) => response.writeHead(400).end())
    onTestFinished(() => void refusing.close())
    refusing.listen(0, '127.0.0.1')
    await once(refusing, 'listening')
    await start((refusing.address() as AddressInfo).port)
    const parked = { kind: 'notify_viewers_livestream_online', result: 'parked' }
    await moves(['rollcall_effects_total', parked], () => server.post('/sessions', { userId: 'sam' }))
    await vi.waitFor(
      async () => expect(figure(await text(), 'rollcall_parked', { kind: 'effect' })).toBeGreaterThan(0),
      10_000,
    )
  })
})
