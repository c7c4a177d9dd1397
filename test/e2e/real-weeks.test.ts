import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../support/random.ts'
import { ended, inParallel, rollcall, type Server, startServer } from '../support/server.ts'

const logs = process.env.ROLLCALL_TEST_LOGS

const weeks = [
  { file: 'site-2013-10-13.log.gz', events: 12_893, sessions: 2_245, pageViews: 10_259 },
  { file: 'site-2014-08-31.log.gz', events: 14_853, sessions: 3_764, pageViews: 11_952 },
]

/** Below the ports that the system hands out by itself, so that a server may be started on it again. */
async function freePort(): Promise<string> {
  const random = new Random(process.pid)
  for (;;) {
    const port = random.int(20_000, 32_000)
    const probe = createServer()
    const free = await new Promise<boolean>(resolve => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    await new Promise(resolve => probe.close(resolve))
    if (free) return String(port)
  }
}

/** Every visitor and day (UTC) of a log. */
function visitorDays(file: string): [visitor: string, day: string][] {
  const days = new Set<string>()
  for (const line of gunzipSync(readFileSync(file)).toString('latin1').split('\n')) {
    const [, visitor, date, time, zone] = /^(\S+) .*?\[(\d+\/\w+\/\d+):(\S+) (\S+)\]/.exec(line) ?? []
    if (!visitor) continue
    const day = new Date(`${date?.replaceAll('/', ' ')} ${time} ${zone}`).toISOString().slice(0, 10)
    days.add(`${visitor} ${day}`)
  }
  return [...days].map(text => text.split(' ') as [string, string])
}

/** The server's own numbers, read web session by web session. */
async function read(server: Server, file: string): Promise<{ events: number; sessions: number; pageViews: number }> {
  const sum = { events: 0, sessions: 0, pageViews: 0 }
  await inParallel(8, visitorDays(file), async ([visitor, day]) => {
    const { body } = await server.get(`/web-sessions?visitor=${visitor}&day=${day}`)
    for (const session of body.webSessions) {
      sum.sessions++
      sum.events += session.eventCount
      sum.pageViews += session.pageViews
    }
  })
  return sum
}

async function replay(server: Server, file: string) {
  const { code, stdout, stderr } = await ended(rollcall(['replay', file, '--url', await server.url]))
  expect([code, stderr]).toEqual([0, expect.any(String)])
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

describe.skipIf(!logs).each(weeks)(
  'a real week, $file (ROLLCALL_TEST_LOGS is the folder)',
  ({ file: name, ...expected }) => {
    const file = join(logs ?? '', name)
    let server: Server

    beforeAll(async () => {
      server = await startServer()
    })

    it('is replayed with every event, web session and page view', async () => {
      expect(await replay(server, file)).toMatchObject({ ...expected, accepted: expected.events, badLines: 0 })
    })

    it('is readable as soon as the replay has ended', async () => {
      expect(await read(server, file)).toEqual(expected)
    })

    it('is counted the same by a second replay', async () => {
      expect(await replay(server, file)).toMatchObject(expected)
    })

    it('is unchanged by the second replay', async () => {
      expect(await read(server, file)).toEqual(expected)
    })

    it('is unchanged by another number of shards and a third replay', async () => {
      await server.restart({ ROLLCALL_SHARDS: '3' })
      await replay(server, file)
      expect(await read(server, file)).toEqual(expected)
    })

    it('is complete when the server was killed in the middle of the replay', async () => {
      const killed = await startServer({ ROLLCALL_PORT: await freePort(), ROLLCALL_FLUSH_MS: '20' })
      const client = rollcall(['replay', file, '--url', await killed.url])
      const ending = ended(client)
      const [firstVisitor, firstDay] = visitorDays(file)[0] ?? []
      const begun = async () =>
        (await killed.get(`/web-sessions?visitor=${firstVisitor}&day=${firstDay}`)).body.webSessions.length > 0
      while (client.exitCode === null && !(await begun()));
      const inTheMiddle = client.exitCode === null
      await killed.restart()
      await killed.restart()
      const { code, stdout, stderr } = await ending
      expect([inTheMiddle, code, stderr]).toEqual([true, 0, expect.any(String)])
      expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject(expected)
      expect(await read(killed, file)).toEqual(expected)
    })
  },
)
