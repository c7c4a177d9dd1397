import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openLog } from '../../src/log/embedded/writer.ts'
import { partitionOf } from '../../src/log/partition-of.ts'
import { idsOf, readTo } from '../support/entries.ts'
import { flipInLog } from '../support/flipped.ts'
import { type Body, type Env, ended, type Ran, rollcall, type Server, startServer } from '../support/server.ts'

const SETTINGS: Env = { ROLLCALL_PARTITIONS: '2', ROLLCALL_SHARDS: '1', ROLLCALL_FLUSH_MS: '60000' }
const [HERE, THERE] = [0, 1].map(partition => {
  const users = Array.from({ length: 40 }, (_, i) => `u${i}`)
  return users.filter(user => partitionOf(user, 2) === partition).slice(0, 3)
}) as [[string, string, string], [string, string, string]]

const run = (server: Server, command: string, ...flags: string[]): Promise<Ran> =>
  ended(rollcall([command, ...flags], { ...SETTINGS, ROLLCALL_DATA: server.data }))
const lines = ({ stdout }: Ran): Body[] =>
  stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
const beat = async (server: Server, userId: string): Promise<void> =>
  expect((await server.post('/heartbeats', { userId, path: '/' })).status).toBe(202)
const stoppedIn = async (server: Server): Promise<Body[]> => (await server.get('/readyz')).body.stopped
const runsOf = (server: Server, user: string) => server.get(`/users/${user}/viewing-sessions`, { after: true })

/** A server that was killed, with a beat of each user in an entry of its own, of which the second of partition 0 is damaged. */
async function damaged(): Promise<{ server: Server; seq: number }> {
  const server = await startServer(SETTINGS)
  for (const user of [...HERE, ...THERE]) await beat(server, user)
  await server.kill()
  const path = join(server.data, 'log')
  const log = await openLog(path, 2, {})
  const entries = await readTo(log, 0, (await log.bounds(0)).last)
  await log.close()
  const { seq } = entries.find(({ events }) => events.some(({ key }) => key === HERE[1]))!
  expect(idsOf(entries).length).toBeGreaterThan(2)
  await flipInLog(path, 0, seq, 300)
  return { server, seq }
}

describe('an entry of the log with another bit than was written', () => {
  test('stops its partition alone, before it, and is named', async () => {
    const { server, seq } = await damaged()
    await server.start()
    const [stopped, ...others] = await stoppedIn(server)
    expect([stopped.partition, stopped.stopped.code, others]).toEqual([0, 'RC_LOG_CORRUPT', []])
    expect(server.output).toContain(`Partition 0: entry ${seq} `)
    const page = async () => (await fetch(`${await server.url}/`)).text()
    await expect.poll(page, { timeout: 3_000 }).toMatch(/<code>RC_LOG_CORRUPT<\/code> Partition 0: /)
    const after = server.positions.split(',').filter(position => position.startsWith('1-'))
    for (const user of THERE) {
      const headers = { 'rollcall-after': after.join(',') }
      const { body } = await server.get(`/users/${user}/viewing-sessions`, { headers })
      expect(body.viewingSessions).toHaveLength(1)
    }
    await beat(server, THERE[0])
    expect((await run(server, 'doctor')).stdout).toContain(`entry ${seq} `)
  })

  test('is left out by a repair that accepts its loss, and nothing else is', async () => {
    const { server, seq } = await damaged()
    await server.start()
    await beat(server, HERE[2])
    await server.stop()
    const line = { partition: 0, problem: 'RC_LOG_CORRUPT', loss: expect.stringContaining(`entries ${seq} were`) }
    const refused = await run(server, 'repair')
    expect([refused.code, lines(refused)[0]]).toEqual([1, { ...line, repaired: false }])
    const accepted = await run(server, 'repair', '--accept-loss')
    expect([accepted.code, lines(accepted)[0]]).toEqual([0, { ...line, repaired: true }])
    await server.start()
    expect(await stoppedIn(server)).toEqual([])
    await beat(server, HERE[0])
    const shown = await Promise.all(HERE.map(async user => (await runsOf(server, user)).body.viewingSessions.length))
    expect(shown).toEqual([1, 0, 1])
  })
})
