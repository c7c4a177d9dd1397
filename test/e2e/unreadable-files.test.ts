import { cpSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Env, ended, type Ran, rollcall, type Server, startServer, temporaryDirectory } from '../support/server.ts'

const SETTINGS: Env = { ROLLCALL_PARTITIONS: '2', ROLLCALL_SHARDS: '1', ROLLCALL_PORT: '0' }
const half = (file: string): void => truncateSync(file, statSync(file).size / 2)

const FILES: [what: string, spoil: (file: string) => void][] = [
  ['is cut in half', half],
  ['has no more than its first page', file => truncateSync(file, 4_096)],
  ['has no more than its first bytes', file => truncateSync(file, 100)],
  ['is all zeros', file => writeFileSync(file, Buffer.alloc(statSync(file).size))],
  ['is a text', file => writeFileSync(file, 'no file of a data base\n'.repeat(1_000))],
  ['is zeros from its middle on', file => writeFileSync(file, readFileSync(file).fill(0, statSync(file).size / 2))],
]

describe('a data directory of which a file cannot be read', () => {
  let server: Server
  beforeAll(async () => {
    server = await startServer(SETTINGS)
    for (let i = 0; i < 60; i++) {
      const beats = Array.from({ length: 90 }, (_, n) => ({ userId: `u${i}-${n}`, path: `/live/stream-${n}` }))
      expect((await server.post('/heartbeats', beats)).status).toBe(202)
    }
    await server.get('/viewers', { after: true })
    await server.stop()
  })

  const cases = ['log', 'state', 'kept'].flatMap(name => FILES.map(([what, spoil]) => [name, what, spoil] as const))
  test.each(cases)('since its %s %s ends all that reads it with 1 and what is wrong', async (name, _, spoil) => {
    const data = temporaryDirectory()
    cpSync(server.data, data, { recursive: true })
    const file = join(data, name, 'data.mdb')
    spoil(file)
    const run = (command: string): Promise<Ran> => ended(rollcall([command], { ...SETTINGS, ROLLCALL_DATA: data }))
    for (const command of ['serve', 'verify', 'repair']) {
      const { code, stderr } = await run(command)
      expect([command, code, stderr]).toEqual([command, 1, expect.stringMatching(/^RC_DATA_DIR_UNUSABLE: /m)])
      expect(stderr).not.toMatch(/^ +at /m)
    }
    const { code, stdout } = await run('doctor')
    const wrong = stdout.split('\n').filter(line => line.includes('"wrong"'))
    expect([code, wrong]).toEqual([1, [expect.stringMatching(`${file} (cannot|is)`)]])
    expect(wrong[0]).toContain(name === 'kept' ? 'move `kept` away' : 'back from a copy; without one: move')
  })
})

test.each(['log', 'state', 'kept'])('a file of %s that is empty is as none, for all that reads it', async name => {
  const server = await startServer(SETTINGS)
  await server.post('/heartbeats', { userId: 'ann', path: '/' })
  await server.get('/viewers', { after: true })
  await server.stop()
  truncateSync(join(server.data, name, 'data.mdb'), 0)
  for (const command of ['doctor', 'verify', 'repair', 'verify', 'doctor']) {
    const { code, stderr } = await ended(rollcall([command], { ...SETTINGS, ROLLCALL_DATA: server.data }))
    expect([command, code === null, stderr]).toEqual([command, false, ''])
  }
  await server.start()
  expect((await server.get('/viewers')).body.attendance).toBe(1)
  await server.stop()
})

test('a file that is shorter than what was ever given away in it is read', async () => {
  const server = await startServer(SETTINGS)
  await server.post('/heartbeats', { userId: 'ann', path: '/' })
  await server.stop()
  const file = join(server.data, 'state', 'data.mdb')
  const [before, meta] = [statSync(file).size, readFileSync(file)]
  for (const at of [144, 4_096 + 144]) meta.writeBigUInt64LE(meta.readBigUInt64LE(at) + 3n, at)
  writeFileSync(file, meta)
  await server.start()
  expect((await server.get('/viewers')).body.attendance).toBe(1)
  await server.stop()
  expect(statSync(file).size).toBeGreaterThan(before)
})
