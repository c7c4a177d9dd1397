import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Body, type Env, ended, type Ran, rollcall, startServer, temporaryDirectory } from '../support/server.ts'

const serve = (env: Env): Promise<Ran> =>
  ended(rollcall(['serve'], { ROLLCALL_PORT: '0', ROLLCALL_SHARDS: '1', ...env }))

const said = (ran: Ran): string => ran.stdout + ran.stderr

describe('a data directory', () => {
  it('is refused to a second process', async () => {
    const server = await startServer()
    const second = await serve({ ROLLCALL_DATA: server.data })
    expect([second.code, said(second)]).toEqual([1, expect.stringContaining('RC_DATA_DIR_LOCKED')])
  })

  it('stays usable for the first while a second is refused', async () => {
    const server = await startServer()
    await serve({ ROLLCALL_DATA: server.data })
    expect((await server.post('/heartbeats', { userId: 'u', path: '/' })).status).toBe(202)
  })

  it('is free as soon as its process was killed', async () => {
    const server = await startServer()
    await server.kill()
    await server.start()
    expect((await server.get('/readyz')).status).toBe(200)
  })

  it('is free as soon as its process has ended', async () => {
    const server = await startServer()
    await server.stop()
    await server.start()
    expect((await server.get('/readyz')).status).toBe(200)
  })

  it('is created, with the folders above it', async () => {
    const data = `${temporaryDirectory()}/a/b`
    await startServer({ ROLLCALL_DATA: data })
    expect(existsSync(data)).toBe(true)
  })

  for (const [name, was, now] of [
    ['ROLLCALL_PARTITIONS', '16', '8'],
    ['ROLLCALL_ZONE', 'UTC', 'Europe/Paris'],
  ] as const) {
    it(`is refused to a process with another ${name}`, async () => {
      const server = await startServer({ [name]: was })
      await server.stop()
      const changed = await serve({ ROLLCALL_DATA: server.data, [name]: now })
      expect([changed.code, said(changed)]).toEqual([1, expect.stringContaining('RC_CONFIG_CHANGED')])
    })
  }

  it('is refused with the names of all settings that differ', async () => {
    const server = await startServer()
    await server.stop()
    const others = {
      ROLLCALL_PARTITIONS: '8',
      ROLLCALL_INACTIVITY_MS: '60000',
      ROLLCALL_VIEWING_GAP_MS: '60000',
      ROLLCALL_LATE_MS: '60000',
    }
    const text = said(await serve({ ROLLCALL_DATA: server.data, ...others }))
    expect(Object.keys(others).filter(name => !text.includes(name))).toEqual([])
  })

  it('takes the former settings again after others were refused', async () => {
    const server = await startServer()
    await server.stop()
    await serve({ ROLLCALL_DATA: server.data, ROLLCALL_PARTITIONS: '8' })
    await server.start()
    expect((await server.get('/readyz')).status).toBe(200)
  })
})

describe('the environment', () => {
  const faulty: Env = {
    ROLLCALL_PORT: 'seven',
    ROLLCALL_SHARDS: '0',
    ROLLCALL_PARTITIONS: '-1',
    ROLLCALL_FLUSH_MS: '1e',
    ROLLCALL_ZONE: 'Mars/Olympus',
    ROLLCALL_INACTIVITY_MS: 'NaN',
    ROLLCALL_VIEWING_GAP_MS: '1.5',
    ROLLCALL_LATE_MS: 'an hour',
  }

  it('has all its faults reported together', async () => {
    const ran = await serve({ ROLLCALL_DATA: temporaryDirectory(), ...faulty })
    expect([ran.code, said(ran)]).toEqual([1, expect.stringContaining('RC_CONFIG_INVALID')])
    expect(Object.keys(faulty).filter(name => !said(ran).includes(name))).toEqual([])
  })

  for (const [name, value] of [
    ['ROLLCALL_PORT', '70000'],
    ['ROLLCALL_SHARDS', '1.5'],
    ['ROLLCALL_TRAFFIC_SOURCE', 'guess'],
  ] as const) {
    it(`is refused with ${name}=${value}`, async () => {
      const ran = await serve({ ROLLCALL_DATA: temporaryDirectory(), [name]: value })
      expect([ran.code, said(ran)]).toEqual([1, expect.stringMatching(new RegExp(`RC_CONFIG_INVALID.*${name}`, 's'))])
    })
  }

  it('is refused when others could reach the server and nobody is asked who they are', async () => {
    const ran = await serve({ ROLLCALL_DATA: temporaryDirectory(), ROLLCALL_HOST: '0.0.0.0' })
    expect([ran.code, said(ran)]).toEqual([1, expect.stringMatching(/RC_CONFIG_INVALID.*ROLLCALL_(HOST|AUTH)/s)])
  })

  it('leaves no data directory behind when it is refused', async () => {
    const data = `${temporaryDirectory()}/new`
    await serve({ ROLLCALL_DATA: data, ROLLCALL_SHARDS: '0' })
    expect(existsSync(data)).toBe(false)
  })
})

describe('a server that is told to end', () => {
  it('ends with 0 and has everything it accepted when it is back', async () => {
    const server = await startServer({ ROLLCALL_FLUSH_MS: '60000' })
    const at = Date.now() - 1000
    const beats = Array.from({ length: 500 }, (_, i) => ({ userId: `u${i}`, path: '/', at }))
    const events = Array.from({ length: 500 }, (_, i) => ({ sessionId: `v${i % 50}`, id: `e${i}`, ts: at, page: '/' }))
    const { body: session } = await server.post('/sessions', { userId: 's' })
    await Promise.all([server.deliver('/heartbeats', beats), server.deliver('/events', events)])
    await server.stop()
    await server.start()
    const viewers = await server.get('/viewers', { after: true })
    const day = new Date(at).toISOString().slice(0, 10)
    let count = 0
    for (let i = 0; i < 50; i++) {
      const { body } = await server.get(`/web-sessions?visitor=v${i}&day=${day}`, { after: true })
      for (const webSession of body.webSessions) count += webSession.eventCount
    }
    expect([viewers.body.attendance, count, (await server.get(`/sessions/${session.id}`)).body]).toEqual([
      500,
      500,
      session,
    ])
  })

  it('answers what it is doing before it ends', async () => {
    const server = await startServer()
    const pending = Array.from({ length: 50 }, (_, i) => server.post('/heartbeats', { userId: `u${i}`, path: '/' }))
    await Promise.race(pending)
    const stopped = server.stop()
    const replies = await Promise.allSettled(pending)
    await stopped
    await server.start()
    const accepted = replies.filter(reply => reply.status === 'fulfilled' && reply.value.status === 202).length
    const { body } = await server.get('/viewers', { after: true })
    expect((body as Body).attendance).toBeGreaterThanOrEqual(accepted)
  })
})
