import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, test } from 'vitest'
import { openLog } from '../../src/log/embedded/writer.ts'
import { event } from '../support/entries.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Body, type Env, ended, type Ran, rollcall, type Server, startServer } from '../support/server.ts'

const PARTITIONS = 2
const SETTINGS: Env = { ROLLCALL_PARTITIONS: String(PARTITIONS), ROLLCALL_SHARDS: '1' }
const USERS = Array.from({ length: 12 }, (_, i) => `u${i}`)

const beat = async (server: Server, ...users: string[]): Promise<void> => {
  const { status } = await server.post(
    '/heartbeats',
    users.map(userId => ({ userId, path: '/' })),
  )
  expect(status).toBe(202)
}
const attendance = async (server: Server): Promise<number> =>
  (await server.get('/viewers', { after: true })).body.attendance
const problems = async (server: Server): Promise<string[]> =>
  (await server.get('/readyz')).body.stopped.map(({ stopped }: Body) => stopped.code)
const runOn = (server: Server, env: Env, ...flags: string[]): Promise<Ran> =>
  ended(rollcall(['repair', ...flags], { ...SETTINGS, ROLLCALL_DATA: server.data, ...env }))
const lines = ({ stdout }: Ran): Body[] =>
  stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

/** Was told what `USERS` did, and is down. */
async function stopped(env: Env = {}): Promise<Server> {
  const server = await startServer({ ...SETTINGS, ...env })
  await beat(server, ...USERS)
  expect(await attendance(server)).toBe(USERS.length)
  await server.stop()
  return server
}

/** The server refuses all partitions, is repaired, and counts on. */
async function expectRepair(server: Server, env: Env = {}): Promise<void> {
  await server.start()
  expect(await problems(server)).toEqual(['RC_LOG_BEHIND', 'RC_LOG_BEHIND'])
  const beats = await server.post('/heartbeats', { userId: 'u', path: '/' })
  expect([beats.status, beats.body.code]).toEqual([503, 'RC_LOG_BEHIND'])
  await server.stop()
  const all = [0, 1].map(partition => ({ partition, problem: 'RC_LOG_BEHIND', repaired: true }))
  expect(lines(await runOn(server, env))).toEqual(all)
  await server.start()
  expect((await server.get('/readyz')).status).toBe(200)
  const former = (await server.get('/viewers')).body.attendance
  await beat(server, USERS[0]!, 'new-1', 'new-2', 'new-3')
  expect([former, await attendance(server)]).toEqual([USERS.length, USERS.length + 3])
  const seqs = server.positions.split(',').map(position => Number(position.split('-')[1]))
  expect(Math.min(...seqs)).toBeGreaterThan(1_000_000)
}

describe('rollcall repair', () => {
  test('lets a server go on whose log was lost', async () => {
    const server = await stopped()
    rmSync(join(server.data, 'log'), { recursive: true })
    await expectRepair(server)
  })

  test('lets a server go on whose log was put back from an older copy', async () => {
    const server = await startServer(SETTINGS)
    await beat(server, USERS[0]!)
    await server.stop()
    const [log, copy] = [join(server.data, 'log'), join(server.data, 'copy')]
    cpSync(log, copy, { recursive: true })
    await server.start()
    await beat(server, ...USERS)
    expect(await attendance(server)).toBe(USERS.length)
    await server.stop()
    rmSync(log, { recursive: true })
    cpSync(copy, log, { recursive: true })
    await expectRepair(server)
  })

  test('changes nothing where all is well, also when it was repaired just before', async () => {
    const server = await stopped()
    rmSync(join(server.data, 'log'), { recursive: true })
    await runOn(server, {})
    const files = (): Buffer[] => ['log', 'state'].map(name => readFileSync(join(server.data, name, 'data.mdb')))
    const before = files()
    const ran = await runOn(server, {})
    const well = [0, 1].map(partition => ({ partition, problem: null, repaired: false }))
    expect([ran.code, lines(ran)]).toEqual([0, well])
    expect(files().map((file, i) => file.equals(before[i]!))).toEqual([true, true])
  })

  test('keeps what a foreign log accepted until its loss is accepted', async () => {
    const [server, foreign] = [await stopped(), await stopped()]
    rmSync(join(server.data, 'log'), { recursive: true })
    cpSync(join(foreign.data, 'log'), join(server.data, 'log'), { recursive: true })
    const refused = await runOn(server, {})
    expect(refused.code).toBe(1)
    expect(lines(refused)).toMatchObject([0, 1].map(partition => ({ partition, repaired: false })))
    expect(lines(refused)[0].loss).toContain('in no checkpoint')
    const accepted = await runOn(server, {}, '--accept-loss')
    expect([accepted.code, lines(accepted).map(({ repaired }) => repaired)]).toEqual([0, [true, true]])
  })

  test('moves the cut to where a truncated log begins only when the loss is accepted', async () => {
    const server = await stopped()
    const log = await openLog(join(server.data, 'log'), PARTITIONS, {})
    const lost = (await log.bounds(1)).last + 1
    for (const id of ['a', 'b']) await log.append(1, [event(id, { kind: 'of nobody' })])
    await log.trim(1, lost + 1)
    await log.close()
    const line = { partition: 1, problem: 'RC_LOG_TRUNCATED', loss: expect.stringContaining(`entries ${lost} are`) }
    const refused = await runOn(server, {})
    expect([refused.code, lines(refused)[1]]).toEqual([1, { ...line, repaired: false }])
    const accepted = await runOn(server, {}, '--accept-loss')
    expect([accepted.code, lines(accepted)[1]]).toEqual([0, { ...line, repaired: true }])
    await server.start()
    expect((await server.get('/readyz')).body).toMatchObject({ ready: true })
    expect((await server.get('/viewers')).body.attendance).toBe(USERS.length)
  })

  test('is refused while a server runs on the data directory', async () => {
    const server = await startServer(SETTINGS)
    const { code, stdout, stderr } = await runOn(server, {})
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('RC_DATA_DIR_LOCKED')])
    expect(existsSync(join(server.data, 'pid'))).toBe(true)
  })

  test('is refused with other settings than those of the log', async () => {
    const server = await stopped()
    const { code, stderr } = await runOn(server, { ROLLCALL_ZONE: 'Asia/Taipei' })
    expect([code, stderr]).toEqual([1, expect.stringContaining('RC_CONFIG_CHANGED')])
  })

  test.skipIf(natsServerBinary() === null)('lets a server go on whose streams were deleted', async () => {
    const nats: NatsServer = await startNatsServer()
    const env = { ROLLCALL_NATS_URL: nats.url }
    const server = await stopped(env)
    const connection = await nats.connect()
    const { streams } = await jetstreamManager(connection)
    for (let p = 0; p < PARTITIONS; p++) await streams.delete(`ROLLCALL_${p}`)
    await connection.close()
    await expectRepair(server, env)
    await server.stop()
    await nats.restart()
    await server.start()
    expect(await attendance(server)).toBe(USERS.length + 3)
    await server.stop()
    await nats.stop()
  })
})
