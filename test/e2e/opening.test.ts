import { writeFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { requestOf } from '../../src/lmdb/door.ts'
import { backends, ended, rollcall, startServer } from '../support/server.ts'

const ENV = { ROLLCALL_SHARDS: '1', ROLLCALL_PARTITIONS: '2' }
const name = 'a server goes on after a process that asked to open its directory and died, and answers the next one'

test.skipIf(backends.areServers)(name, { timeout: 60_000 }, async () => {
  const server = await startServer(ENV)
  writeFileSync(requestOf(server.data, 'dead'), '')
  const letGo = (): void =>
    expect(server.output).toMatch(/"step":"door".*1 that asked to open the data directory did not/)
  const accepted: number[] = []
  await vi.waitFor(
    async () => {
      accepted.push((await server.post('/heartbeats', [{ userId: `u${accepted.length}`, path: '/' }])).status)
      letGo()
    },
    { timeout: 20_000, interval: 50 },
  )
  expect(new Set(accepted)).toEqual(new Set([202]))
  expect((await server.get('/viewers', { after: true })).body.attendance).toBe(accepted.length)
  const { code, stderr } = await ended(rollcall(['verify'], { ...ENV, ROLLCALL_DATA: server.data }))
  expect([code, stderr]).toEqual([0, ''])
})
