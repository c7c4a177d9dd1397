import { hostname } from 'node:os'
import { MongoClient } from 'mongodb'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { textOf } from '../support/imports.ts'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from '../support/nats-server.ts'
import { type Body, type Env, ended, rollcall, type Server, startServer } from '../support/server.ts'

const mongodb = mongodbServer()
const { version } = JSON.parse(textOf('package.json'))
const SETTINGS: Env = { ROLLCALL_PARTITIONS: '2', ROLLCALL_SHARDS: '1', ROLLCALL_FLUSH_MS: '50' }

const ownerBy = async (server: Server): Promise<Body> => (await server.get('/readyz')).body.owner
const asked = async (server: Server, ...flags: string[]) =>
  ended(rollcall(['owner', '--url', await server.url, ...flags]))
const diagnosed = async (env: Env): Promise<Body> => {
  const { stdout } = await ended(rollcall(['doctor'], { ...SETTINGS, ...env }))
  const findings = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  return findings.find(({ check }) => check === 'owner')
}
const loggedBy = (server: Server): Body => {
  const line = server.output.split('\n').find(line => line.includes('"msg":"owns the partitions"'))
  return line && JSON.parse(line).owner
}
const factsOf = ({ pid }: Server) => ({ host: hostname().replace(/[^\w.:+-]/g, '_'), pid, version })
const withoutLag = (owner: Body): Body => owner && { ...owner, lag: undefined }

describe('who owns the partitions', () => {
  test('is told alike by /readyz, the log, doctor and the command line', async () => {
    const before = Date.now()
    const server = await startServer(SETTINGS)
    const owner = await ownerBy(server)
    expect(owner).toEqual({ ...factsOf(server), since: expect.any(Number), lag: expect.any(Number) })
    expect(owner.since).toBeGreaterThanOrEqual(before)
    expect(owner.since).toBeLessThanOrEqual(Date.now())
    const finding = await diagnosed({ ROLLCALL_DATA: server.data })
    expect([loggedBy(server), finding.owner].map(withoutLag)).toEqual([withoutLag(owner), withoutLag(owner)])
    const { pid } = server
    expect(finding.text).toContain(`process ${pid} on ${owner.host}, since ${new Date(owner.since).toISOString()}`)
    const { code, stdout } = await asked(server)
    expect([code, withoutLag(JSON.parse(stdout))]).toEqual([
      0,
      { ...withoutLag(owner), ready: true, partitions: 2, going: 2 },
    ])
    const { stdout: table } = await asked(server, '--table')
    expect(table.split('\n')[1]!.split(/ {2,}/).slice(0, 3)).toEqual([owner.host, String(pid), version])
    await server.stop()
    expect(await diagnosed({ ROLLCALL_DATA: server.data })).toBeUndefined()
  })

  test('is told with how many entries no commit has, until one has them all', async () => {
    const server = await startServer({ ...SETTINGS, ROLLCALL_FLUSH_MS: '60000' })
    const users = Array.from({ length: 20 }, (_, n) => `u${n}`)
    for (const userId of users) await server.post('/heartbeats', { userId, path: '/' })
    await vi.waitFor(async () => expect((await ownerBy(server)).lag).toBeGreaterThanOrEqual(20), { timeout: 10_000 })
    await server.get('/viewers', { after: true })
    await vi.waitFor(async () => expect((await ownerBy(server)).lag).toBe(0), { timeout: 10_000 })
  })

  test('is told of a killed process by nobody, and of the next one by all', async () => {
    const server = await startServer(SETTINGS)
    const { pid } = server
    await server.kill()
    expect(await diagnosed({ ROLLCALL_DATA: server.data })).toBeUndefined()
    await server.start()
    const { owner } = await diagnosed({ ROLLCALL_DATA: server.data })
    expect([owner.pid, (await ownerBy(server)).pid]).toEqual([server.pid, server.pid])
    expect(owner.pid).not.toBe(pid)
  })
})

describe.skipIf(mongodb === null || natsServerBinary() === null)('who owns the partitions, of two processes', () => {
  let nats: NatsServer
  let env: Env
  beforeEach(async () => {
    nats = await startNatsServer()
    env = { ...SETTINGS, ROLLCALL_NATS_URL: nats.url, ROLLCALL_MONGODB_URL: mongodb!.freshUrl() }
    env.ROLLCALL_TAKE_OVER_MS = '2000'
  })
  afterEach(() => nats.stop())

  test('is told alike by both and by doctor, and after its end the one that has followed', async () => {
    const first = await startServer(env)
    const second = await startServer(env)
    const [own, other] = await Promise.all([first, second].map(ownerBy))
    expect(withoutLag(other)).toEqual(withoutLag(own))
    expect(other).toEqual({ ...factsOf(first), since: expect.any(Number), lag: expect.any(Number) })
    expect(withoutLag((await diagnosed(env)).owner)).toEqual(withoutLag(own))
    expect(JSON.parse((await asked(second)).stdout)).toMatchObject({ pid: first.pid, going: 2 })
    await first.stop()
    await vi.waitFor(async () => expect(await ownerBy(second)).toMatchObject(factsOf(second)), { timeout: 20_000 })
    await vi.waitFor(() => expect(loggedBy(second)).toMatchObject(factsOf(second)), { timeout: 20_000 })
    expect((await ownerBy(second)).since).toBeGreaterThan(own.since)
    await second.stop()
    expect(await diagnosed(env)).toBeUndefined()
  })

  test('is told of an owner that gives no answer by who was it last, and ends with 1', async () => {
    const first = await startServer({ ...env, ROLLCALL_TAKE_OVER_MS: '60000' })
    const second = await startServer({ ...env, ROLLCALL_TAKE_OVER_MS: '60000' })
    await first.kill()
    const { pid } = await ownerBy(second)
    await vi.waitFor(
      async () => {
        const { code, stdout, stderr } = await asked(second)
        expect([code, stderr]).toEqual([1, expect.stringMatching(/^RC_NO_OWNER: /)])
        expect(JSON.parse(stdout)).toMatchObject({ pid, lag: null, ready: false, going: 0 })
      },
      { timeout: 20_000 },
    )
  })

  test('is read from a lease of a former version, and never from one that somebody wrote over', async () => {
    const client = await MongoClient.connect(env.ROLLCALL_MONGODB_URL!)
    const owners = client.db().collection<Body>('owners')
    const lease = { owner: 'former', epoch: 1, renewed: 1, released: false }
    await owners.insertOne({ _id: 'owner', ...lease } as Body)
    const server = await startServer({ ...env, ROLLCALL_TAKE_OVER_MS: '60000' })
    const unknown = { host: null, pid: null, version: null, since: null, lag: null }
    expect(await ownerBy(server)).toEqual(unknown)
    const { stdout, stderr } = await asked(server, '--table')
    expect([stdout.split('\n')[1], stderr]).toEqual([
      expect.stringMatching(/^- +- +- +- +- +0 of 2$/),
      expect.stringMatching(/^RC_NO_OWNER/),
    ])
    expect((await diagnosed(env)).text).toContain('of a version that does not say more')
    const holder = { of: 'former', host: '\u001b[2J', pid: 1, version: 'mongodb://ann:secret@db', since: 1 }
    await owners.updateOne({}, { $set: { holder } })
    const finding = await diagnosed(env)
    expect([finding.owner, finding.text.includes('secret')]).toEqual([{ ...unknown, lag: 0 }, false])
    await client.close()
  })
})
