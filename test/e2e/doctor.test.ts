import { execFileSync, execSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, test } from 'vitest'
import { freePort, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import {
  type Body,
  type Env,
  ended,
  rollcall,
  type Server,
  startServer,
  temporaryDirectory,
} from '../support/server.ts'

const SETTINGS: Env = { ROLLCALL_PARTITIONS: '2', ROLLCALL_SHARDS: '1' }

interface Diagnosis {
  code: number | null
  text: string
  findings: Body[]
  wrong: string[]
  of(check: string): Body
}

async function diagnose(data: string, env: Env = {}): Promise<Diagnosis> {
  const { code, stdout, stderr } = await ended(rollcall(['doctor'], { ...SETTINGS, ROLLCALL_DATA: data, ...env }))
  const findings = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  return {
    ...{ code, text: stdout + stderr, findings },
    wrong: findings.filter(({ state }) => state === 'wrong').map(({ check }) => check),
    of: wanted => findings.find(({ check }) => check === wanted),
  }
}

async function stopped(env: Env = {}): Promise<Server> {
  const server = await startServer({ ...SETTINGS, ...env })
  await server.post('/heartbeats', { userId: 'ann', path: '/' })
  await server.stop()
  return server
}

describe('rollcall doctor', () => {
  test('finds a stopped embedded server healthy', async () => {
    const server = await stopped()
    const { code, findings } = await diagnose(server.data)
    const checks = ['node', 'configuration', 'data directory', 'disk space', 'settings', 'partition 0', 'partition 1']
    expect([code, findings.map(({ check, state }) => [check, state])]).toEqual([0, checks.map(check => [check, 'ok'])])
  })

  test('finds a running server healthy, and says which process has its directory locked', async () => {
    const server = await startServer(SETTINGS)
    const { code, of } = await diagnose(server.data)
    const { state, text } = of('data directory')
    expect([code, state, text]).toEqual([0, 'warning', expect.stringContaining(`process ${server.pid}`)])
    expect((await server.get('/readyz')).status).toBe(200)
  })

  test('warns of a directory and files that are open to others, and says what mends it', async () => {
    const server = await stopped()
    chmodSync(server.data, 0o750)
    chmodSync(join(server.data, 'log', 'data.mdb'), 0o644)
    const { code, findings } = await diagnose(server.data)
    const [warning, ...others] = findings.filter(({ state }) => state === 'warning')
    expect([code, warning.check, others]).toEqual([0, 'data directory', []])
    const [, wide, command] = /right to (.*); (.*) takes it/.exec(warning.text)!
    expect(wide).toBe('., log/data.mdb')
    execSync(command!)
    expect((await diagnose(server.data)).findings.filter(({ state }) => state !== 'ok')).toEqual([])
  })

  test('finds a directory healthy that a former version left behind, which kept no marks', async () => {
    const data = temporaryDirectory()
    execFileSync('tar', ['-C', data, '-xzf', new URL('../fixtures/d8700a9/data.tar.gz', import.meta.url).pathname])
    const { of } = await diagnose(data, { ROLLCALL_PARTITIONS: '4' })
    const states = [0, 1, 2, 3].map(partition => of(`partition ${partition}`).state)
    expect(states).toEqual(['ok', 'ok', 'ok', 'ok'])
  })

  test('makes no directory, and no log in one', async () => {
    const data = temporaryDirectory()
    const { code } = await diagnose(join(data, 'a', 'b'))
    await diagnose(data)
    expect([code, readdirSync(data)]).toEqual([0, []])
  })

  test('finds a data directory that is a file', async () => {
    const { code, wrong } = await diagnose(new URL(import.meta.url).pathname)
    expect([code, wrong]).toEqual([1, ['data directory']])
  })

  test('finds each partition whose log is behind, and leaves it so', async () => {
    const server = await stopped()
    rmSync(join(server.data, 'log'), { recursive: true })
    const { code, wrong, of } = await diagnose(server.data)
    expect([code, wrong]).toEqual([1, ['partition 0', 'partition 1']])
    expect(of('partition 0').text).toMatch(/^RC_LOG_BEHIND: the cut is [1-9]/)
    expect(existsSync(join(server.data, 'log'))).toBe(false)
  })

  test('finds a setting that differs from the recorded one', async () => {
    const server = await stopped()
    const { wrong, of } = await diagnose(server.data, { ROLLCALL_ZONE: 'Asia/Taipei' })
    expect([wrong, of('settings').text]).toEqual([
      ['settings'],
      expect.stringMatching(/^ROLLCALL_ZONE was UTC, is Asia\/Taipei; .* `rollcall recompute --from/),
    ])
  })

  test('names every variable that is wrong', async () => {
    const { code, findings } = await diagnose('', { ROLLCALL_SHARDS: '0', ROLLCALL_PORT: 'x' })
    const texts = findings.filter(({ state }) => state === 'wrong').map(({ text }) => text.split(':')[0])
    expect([code, texts.sort()]).toEqual([1, ['ROLLCALL_PORT', 'ROLLCALL_SHARDS']])
  })

  test('finds servers that do not answer, and tells none of their passwords', async () => {
    const at = `u:gehe1m@127.0.0.1:${await freePort()}`
    const { code, wrong, text } = await diagnose(temporaryDirectory(), {
      ...{ ROLLCALL_NATS_URL: `nats://${at}`, ROLLCALL_REDIS_URL: `redis://${at}` },
      ROLLCALL_MONGODB_URL: `mongodb://${at}/`,
    })
    expect([code, wrong.sort()]).toEqual([1, ['mongodb', 'nats', 'partitions', 'redis']])
    expect(text).not.toContain('gehe1m')
  })

  describe.skipIf(natsServerBinary() === null)('with a nats-server', () => {
    test('finds a log in JetStream healthy, and warns that one replica may not sync', async () => {
      const nats = await startNatsServer()
      const env = { ROLLCALL_NATS_URL: nats.url }
      const { data } = await stopped(env)
      const { code, findings, of } = await diagnose(data, env)
      expect([code, of('nats').state, of('partition 1').state]).toEqual([0, 'ok', 'ok'])
      const warnings = findings.filter(({ state }) => state === 'warning').map(({ check }) => check)
      expect(warnings).toEqual(['nats durability'])
      await nats.stop()
    })

    test('makes no stream, and finds those that are gone', async () => {
      const nats = await startNatsServer()
      const env = { ROLLCALL_NATS_URL: nats.url }
      const { data } = await stopped(env)
      const connection = await nats.connect()
      const { streams } = await jetstreamManager(connection)
      await streams.delete('ROLLCALL_1')
      expect((await diagnose(data, env)).wrong).toEqual(['partition 1'])
      expect(await streams.names().next()).toEqual(['ROLLCALL_0'])
      await connection.close()
      await nats.stop()
    })
  })
})
