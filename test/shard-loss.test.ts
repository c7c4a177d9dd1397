import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { type Rollcall, start } from '../src/rollcall.ts'
import { seeded } from './support/random.ts'

const NOON = Date.UTC(2026, 0, 1, 12)

let rollcall: Rollcall
let folder: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  const config = readConfig({
    ROLLCALL_DATA: folder,
    ROLLCALL_FLUSH_MS: '50',
    ROLLCALL_SHARDS: '2',
    ROLLCALL_HISTORY_MS: '315360000000',
    ROLLCALL_LOG_LEVEL: 'silent',
  })
  rollcall = await start({ ...config, port: 0 })
})

afterEach(async () => {
  await rollcall.close()
  rmSync(folder, { recursive: true })
})

async function send(path: string, body: object): Promise<{ status: number; position: string }> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(rollcall.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  await response.text()
  return { status: response.status, position: response.headers.get('rollcall-position') ?? '' }
}

async function ask(path: string, after: string[] = []): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = after.length > 0 ? { 'rollcall-after': after.join(',') } : {}
  const response = await fetch(rollcall.url + path, { headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

describe('a worker thread that is killed under load', () => {
  test('loses nothing and doubles nothing', async () => {
    const random = seeded('shard loss')
    const users = Array.from({ length: 60 }, (_, n) => `user-${n}`)
    const positions = new Map<string, number>()
    const accepted = async (path: string, bodies: object[]): Promise<void> => {
      for (const body of bodies) {
        const { status, position } = await send(path, body)
        expect(status).toBe(202)
        for (const [partition, seq] of position.split(',').map(item => item.split('-'))) {
          positions.set(partition!, Math.max(positions.get(partition!) ?? 0, Number(seq)))
        }
      }
    }
    const beats = users.map(userId =>
      Array.from({ length: 20 }, (_, n) => ({
        userId,
        path: `/live/s${n % 3}`,
        at: NOON + n * 30_000,
        country: 'TW',
        groups: ['g'],
      })),
    )
    const events = users.map(sessionId =>
      Array.from({ length: 20 }, (_, n) => ({ id: `e${n}`, sessionId, ts: NOON + n * 400_000, page: `/${n}` })),
    )
    const load = Promise.all([
      ...beats.map(own => accepted('/heartbeats', random.shuffle(own))),
      ...events.map(own => accepted('/events', random.shuffle(own))),
    ])
    let over = false
    load.finally(() => {
      over = true
    })
    let kills = 0
    while (!over || kills < 4) {
      await rollcall.shards[kills++ % 2]!.kill()
      await rollcall.shards[(kills - 1) % 2]!.ready()
    }
    await load

    const after = [...positions].map(([partition, seq]) => `${partition}-${seq}`)
    const { body: viewers } = await ask('/viewers', after)
    const withoutSession = { alive: 0, attendance: 180, streams: 3 }
    expect(viewers).toEqual({ alive: 0, attendance: 60, bySession: {}, withoutSession })
    for (const stream of ['s0', 's1', 's2']) {
      expect((await ask(`/sessions/${stream}/viewers`)).body).toEqual({ alive: 0, attendance: 60 })
    }
    const { body: statistics } = await ask(`/statistics?from=${NOON}&to=${NOON + 600_000}`)
    const counts = { viewerCount: 60, countByUserGroup: { g: 60 }, countByViewingCountry: { TW: 60 } }
    expect(statistics.records).toEqual([NOON, NOON + 300_000].map(timestamp => ({ ...counts, timestamp })))
    for (const user of users.slice(0, 10)) {
      const { body } = await ask(`/web-sessions?visitor=${user}`)
      expect(body.webSessions).toMatchObject([{ eventCount: 20, pageViews: 20 }])
      const runs = (await ask(`/users/${user}/viewing-sessions`)).body.viewingSessions
      expect(runs).toEqual([{ id: `${user}-${NOON}`, start: NOON, end: NOON + 570_000 }])
    }
  })

  test('leaves no call hanging: a reply that waits comes, from the thread that follows', async () => {
    const waiting = Array.from({ length: 20 }, (_, n) => send('/sessions', { userId: `streamer-${n}` }))
    await Promise.all(rollcall.shards.map(shard => shard.kill()))
    const statuses = (await Promise.all(waiting)).map(({ status }) => status)
    expect(statuses).toEqual(statuses.map(() => 201))
  })

  test('answers a call to itself with RC_SHARD_LOST', async () => {
    const shard = rollcall.shards[0]!
    await shard.ready()
    const call = shard.call(remote => remote.settled(0, 1_000_000, 20_000))
    const answer = expect(call).rejects.toMatchObject({ code: 'RC_SHARD_LOST' })
    await shard.kill()
    await answer
  })

  test('makes no session twice: two hundred starts at once, and one session', async () => {
    const starts = Array.from({ length: 200 }, () => send('/sessions', { userId: 'one' }))
    await Promise.all(rollcall.shards.map(shard => shard.kill()))
    const statuses = (await Promise.all(starts)).map(({ status }) => status)
    expect(statuses.filter(status => status === 201)).toHaveLength(1)
    expect(statuses.filter(status => status === 200)).toHaveLength(199)
    expect((await ask('/sessions?active=true')).body.sessions).toHaveLength(1)
  })
})
