import { join } from 'node:path'
import { vi } from 'vitest'
import { peekAtCuts } from '../../src/checkpoint/embedded/peek.ts'
import { throughDoor } from '../../src/lmdb/door.ts'
import { type Body, backends, type Env, ended, rollcall, type Server, startServer } from './server.ts'

export const SETTINGS: Env = { ROLLCALL_PARTITIONS: '2', ROLLCALL_SHARDS: '1' }

/** Answers of `rollcall verify` about what a server keeps. */
export interface Verified {
  code: number | null
  differences: Body[]
  notes: Body[]
  summary: Body
}

export async function verified(data: string, env: Env = {}, ...flags: string[]): Promise<Verified> {
  const ran = await ended(
    rollcall(['verify', ...flags], { ...SETTINGS, ROLLCALL_DATA: data, ...(await backends.envOf(data)), ...env }),
  )
  const said: Body[] = ran.stdout
    .trim()
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
  const ofType = (type: string): Body[] => said.filter(each => each.type === type)
  const [summary] = ofType('summary')
  if (!summary) throw new Error(`no summary: ${ran.stdout}${ran.stderr}`)
  return { code: ran.code, differences: ofType('difference'), notes: ofType('note'), summary }
}

/** Visits of some people, two days of each, of which some are late and some come twice. */
export const visits = (people: number, now: number): Body[] =>
  Array.from({ length: people }, (_, n) => n).flatMap(n => {
    const visit = (hours: number, page: string) => {
      return {
        sessionId: `visitor-${n}`,
        id: `${n}-${page}`,
        ts: now - hours * 3_600_000 - n * 1_000,
        page: `/${page}`,
      }
    }
    return [visit(1, 'c'), visit(30, 'a'), visit(1.1, 'b'), visit(1, 'c'), visit(29.9, 'z')]
  })

/** Has an evening played to the server: viewers, streamers, visits, an event that is parked. */
export async function playEvening(server: Server, seed = 7): Promise<void> {
  const evening = ['--viewers', '40', '--streamers', '3', '--minutes', '20', '--seed', String(seed)]
  const { code, stderr } = await ended(rollcall(['simulate', '--url', await server.url, ...evening]))
  if (code !== 0) throw new Error(stderr)
  for (const some of [0, 1]) {
    const body = visits(30, Date.now() - some * 600_000)
    await server.deliver('/events', body)
  }
  await server.get('/viewers', { after: true })
}

/** Throws while there are documents, or sums of them, of which the state does not know that they are written. */
async function allIsWritten(data: string): Promise<void> {
  const cuts = await throughDoor(data, () => peekAtCuts(join(data, 'state')))
  try {
    for (const partition of [0, 1]) {
      const held = (await cuts.hold(partition))!
      for await (const { space } of held.records()) if (space === 'documents') throw new Error('some are not')
      held.release()
    }
  } finally {
    await cuts.close()
  }
}

/** A data directory after an evening; the server has ended. */
export async function eveningKept(env: Env = {}): Promise<Server> {
  const server = await startServer({ ...SETTINGS, ...env })
  await playEvening(server)
  if (!backends.areServers) await vi.waitFor(() => allIsWritten(server.data), { timeout: 10_000, interval: 100 })
  await server.stop()
  return server
}
