import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import type { Event } from '../../actors/event.ts'
import { readConfig, recordedSettings } from '../../src/config.ts'
import { appender } from '../../src/log/append.ts'
import { openOwnStores } from '../../src/stores.ts'
import { type Body, Server, temporaryDirectory } from '../support/server.ts'
import { toldFaults } from '../support/time.ts'

const USERS = 60_000
const ENV = { ROLLCALL_SHARDS: '1', ROLLCALL_PARTITIONS: '4' }

/** A data directory whose log holds beats of so many users, none of which was ever applied. */
async function directoryWithTail(): Promise<string> {
  const data = temporaryDirectory()
  const config = readConfig({ ...ENV, ROLLCALL_DATA: data })
  const stores = await openOwnStores(config, recordedSettings(config), toldFaults())
  const append = appender(stores.log, config.partitions)
  const at = Date.now() - 10_000
  for (let first = 0; first < USERS; first += 10_000) {
    const beats = Array.from({ length: 10_000 }, (_, n): Event => {
      const facts = { path: '/live/one', stream: 'one', country: 'TW', groups: [] }
      return { kind: 'heartbeat', key: `user-${first + n}`, id: '', at, arrival: at, ...facts }
    })
    await append(beats)
  }
  await stores.close()
  return data
}

describe('a server over a log that takes long to replay', () => {
  test('lives at once, takes beats, says how far it is, and shows all of it when it is ready', {
    timeout: 120_000,
  }, async () => {
    const server = new Server(ENV, await directoryWithTail())
    await server.listening()
    expect((await server.get('/livez')).status).toBe(200)
    const seen: Body[] = []
    let isTaken = false
    for (;;) {
      const { status, headers, body } = await server.get('/readyz')
      if (status === 200) break
      seen.push(...body.stopped.filter((each: Body) => each.replayUntil > 0))
      expect([status, headers.get('retry-after'), body.ready]).toEqual([503, '1', false])
      if (!isTaken && seen.length > 0) {
        expect((await server.post('/heartbeats', { userId: 'meanwhile', path: '/live/one' })).status).toBe(202)
        isTaken = true
        const read = await server.get('/viewers')
        expect([read.status, read.headers.get('retry-after'), read.body.code]).toEqual([503, '1', 'RC_NOT_READY'])
      }
      await pause(20)
    }
    expect(seen[0]).toMatchObject({ stopped: { code: 'RC_NOT_READY' }, applied: expect.any(Number) })
    expect(seen.every(({ applied, replayUntil }) => applied < replayUntil)).toBe(true)
    expect(isTaken).toBe(true)
    expect((await server.get('/viewers', { after: true })).body.attendance).toBe(USERS + 1)
    await server.stop()
  })

  test('ends in time with 0 when it is told to while it replays, and goes on where it was', {
    timeout: 120_000,
  }, async () => {
    const server = new Server(ENV, await directoryWithTail())
    await server.listening()
    await vi.waitUntil(async () => (await server.get('/readyz')).body.stopped[0]?.replayUntil > 0, 60_000)
    server.signal('SIGTERM')
    expect(await server.code(9_000)).toBe(0)
    await server.start()
    expect((await server.get('/viewers', { after: true })).body.attendance).toBe(USERS)
  })
})
