import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mongodbServer } from '../support/mongodb-server.ts'
import { type Env, ended, type Ran, rollcall, startServer, temporaryDirectory } from '../support/server.ts'

const mongodb = mongodbServer()
const SETTINGS: Env = { ROLLCALL_PARTITIONS: '2', ROLLCALL_SHARDS: '1', ROLLCALL_TAKE_OVER_MS: '2000' }

const run = (command: string, data: string, env: Env): Promise<Ran> =>
  ended(rollcall([command], { ...SETTINGS, ...env, ROLLCALL_DATA: data }))

describe.skipIf(mongodb === null)('rollcall repair with MongoDB', () => {
  const fresh = (): Env => ({ ROLLCALL_MONGODB_URL: mongodb!.freshUrl() })

  test('lets a server go on whose log was lost', async () => {
    const env = fresh()
    const server = await startServer({ ...SETTINGS, ...env })
    await server.post('/heartbeats', { userId: 'ann', path: '/' })
    await server.get('/viewers', { after: true })
    await server.stop()
    rmSync(join(server.data, 'log'), { recursive: true })
    expect((await run('doctor', server.data, env)).stdout).toContain('RC_LOG_BEHIND: the cut is')
    expect((await run('repair', server.data, env)).stdout.match(/"repaired":true/g)).toHaveLength(2)
    await server.start()
    await server.post('/heartbeats', { userId: 'ben', path: '/' })
    expect((await server.get('/viewers', { after: true })).body).toMatchObject({ attendance: 2 })
    await server.stop()
  })

  test('is refused, and doctor says why, while a server with another data directory owns the partitions', async () => {
    const env = fresh()
    const server = await startServer({ ...SETTINGS, ...env })
    await server.post('/heartbeats', { userId: 'ann', path: '/' })
    await server.get('/viewers', { after: true })
    const { code, stdout, stderr } = await run('repair', temporaryDirectory(), env)
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('RC_NO_OWNER')])
    expect((await run('doctor', server.data, env)).stdout).toMatch(
      /"check":"lease","state":"ok","text":"held by process \d+ on /,
    )
    expect((await server.get('/readyz')).status).toBe(200)
    await server.stop()
  })
})
