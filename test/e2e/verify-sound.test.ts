import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { readConfig, recordedSettings } from '../../src/config.ts'
import { openStateEnvironment } from '../../src/lmdb/index.ts'
import { openLog } from '../../src/log/embedded/writer.ts'
import { partitionOf } from '../../src/log/partition-of.ts'
import { openOwnStores } from '../../src/stores.ts'
import { eveningKept, playEvening, SETTINGS, verified, visits } from '../support/evening-kept.ts'
import { beat } from '../support/hostile-events.ts'
import { seeded } from '../support/random.ts'
import { backends, type Env, ended, rollcall, type Server, startServer } from '../support/server.ts'
import { toldFaults } from '../support/time.ts'

const SEED = process.env.ROLLCALL_TEST_SEED ?? String(Math.floor(Math.random() * 1e6))
const SOUND = { code: 0, differences: [] }

/** Beats and visits without end, until the server is gone. */
async function load(server: Server, signal: AbortSignal): Promise<void> {
  const random = seeded(SEED)
  while (!signal.aborted) {
    const beats = Array.from({ length: 20 }, () => ({
      userId: `u${random.int(0, 200)}`,
      path: random.chance(0.5) ? '/' : '/live/a',
    }))
    const some = visits(random.int(1, 60), Date.now() - random.int(0, 3_600_000))
    await Promise.all([server.post('/heartbeats', beats), server.post('/events', some.slice(0, 50))]).catch(() => {})
  }
}

// A verification lets all other work of the machine go first.
describe(`rollcall verify, of what is sound (seed ${SEED})`, { timeout: 240_000 }, () => {
  test('finds nothing after kill -9, before the next start and after it', async () => {
    const random = seeded(SEED)
    const server = await startServer({ ...SETTINGS, ROLLCALL_FLUSH_MS: '50' })
    await playEvening(server)
    for (let round = 0; round < 4; round++) {
      const end = new AbortController()
      const loaded = load(server, end.signal)
      await pause(random.int(200, 1_500))
      await server.kill()
      end.abort()
      expect(await verified(server.data)).toMatchObject(SOUND)
      await server.start()
      await loaded
    }
    await server.get('/viewers', { after: true })
    await server.stop()
    expect(await verified(server.data)).toMatchObject({ ...SOUND, summary: { derived: 2 } })
  })

  test('finds nothing beside a server under load', async () => {
    const server = await startServer({ ...SETTINGS, ROLLCALL_FLUSH_MS: '50' })
    await playEvening(server)
    const end = new AbortController()
    const loaded = load(server, end.signal)
    const found = [await verified(server.data), await verified(server.data, {}, '--rate', '20000')]
    end.abort()
    await loaded
    const ready = await server.get('/readyz').catch(async () => [await server.code(5_000), server.output])
    expect([found, ready]).toMatchObject([[SOUND, SOUND], { body: { stopped: [] } }])
    expect(found[1]!.summary.derived).toBe(2)
  })

  test('finds nothing where events are parked, and dropped', async () => {
    const server = await eveningKept()
    if (!backends.areServers) {
      const log = await openLog(join(server.data, 'log'), 2, {})
      for (const event of [beat('ann', { groups: 'all' }), beat('ann')])
        await log.append(partitionOf('ann', 2), [event])
      await log.close()
    }
    await server.start()
    await playEvening(server, 8)
    await server.stop()
    expect(await verified(server.data)).toMatchObject(SOUND)
    await server.start()
    await server.post('/parked/viewer/ann/drop', {})
    await server.get('/viewers', { after: true })
    await server.stop()
    expect(await verified(server.data)).toMatchObject(SOUND)
  })

  test('finds nothing where the log was trimmed, and goes on from the copy that was kept before', async () => {
    const server = await startServer({ ...SETTINGS, ROLLCALL_FLUSH_MS: '50' })
    await playEvening(server)
    await server.stop()
    const env = await backends.envOf(server.data)
    const config = readConfig({ ...SETTINGS, ...env, ROLLCALL_DATA: server.data })
    const cuts = await (async () => {
      await using opened = new AsyncDisposableStack()
      const stores = opened.adopt(await openOwnStores(config, recordedSettings(config), toldFaults()), each =>
        each.close(),
      )
      const kept = [await stores.keeper.keep(0), await stores.keeper.keep(1)]
      return kept.map(each => each!.cut)
    })()
    await server.start()
    await playEvening(server, 8)
    await server.stop()
    await (async () => {
      await using opened = new AsyncDisposableStack()
      const stores = opened.adopt(await openOwnStores(config, recordedSettings(config), toldFaults()), each =>
        each.close(),
      )
      for (const p of [0, 1]) await stores.log.trim(p, cuts[p]! - 2)
    })()
    const found = await verified(server.data)
    expect(found).toMatchObject({ ...SOUND, notes: [], summary: { derived: 2 } })
    expect(found.summary.documents).toBeGreaterThan(200)
  })

  test.skipIf(backends.areServers)('finds nothing after a repair, or an adoption', async () => {
    const server = await eveningKept()
    const env = { ...SETTINGS, ROLLCALL_DATA: server.data }
    rmSync(join(server.data, 'log'), { recursive: true })
    const { code, stderr } = await ended(rollcall(['repair'], env))
    expect([code, stderr]).toEqual([0, ''])
    await server.start()
    await playEvening(server, 8)
    await server.stop()
    expect(await verified(server.data)).toMatchObject({ ...SOUND, notes: [], summary: { derived: 2 } })

    rmSync(join(server.data, 'log'), { recursive: true })
    const state = openStateEnvironment(join(server.data, 'state'))
    await state.openDB({ name: 'checkpoint', useVersions: true }).drop()
    await state.close()
    await server.start()
    await playEvening(server, 9)
    await server.stop()
    expect(await verified(server.data)).toMatchObject({ ...SOUND, notes: [], summary: { derived: 2 } })
  })

  test('finds nothing after the rules were changed', async () => {
    const server = await eveningKept()
    const changed: Env = { ROLLCALL_ZONE: 'Asia/Tokyo', ROLLCALL_INACTIVITY_MS: '60000' }
    const env = { ...SETTINGS, ...(await backends.envOf(server.data)), ...changed, ROLLCALL_DATA: server.data }
    const { code, stderr } = await ended(rollcall(['recompute', '--from', '2026-01-01'], env))
    expect([code, stderr]).toEqual([0, ''])
    expect(await verified(server.data, changed)).toMatchObject(SOUND)
    await server.restart(changed)
    await playEvening(server, 9)
    await server.stop()
    expect(await verified(server.data, changed)).toMatchObject(SOUND)
  })
})
