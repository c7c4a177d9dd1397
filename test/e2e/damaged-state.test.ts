import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { documentKey } from '../../src/documents/index-entries.ts'
import { openStateEnvironment } from '../../src/lmdb/index.ts'
import { partitionOf } from '../../src/log/partition-of.ts'
import { flipInState } from '../support/flipped.ts'
import { flipPiecesWith } from '../support/flipped-blobs.ts'
import { type Random, seeded } from '../support/random.ts'
import {
  type Body,
  type Env,
  ended,
  type Ran,
  type Reply,
  rollcall,
  type Server,
  startServer,
  temporaryDirectory,
} from '../support/server.ts'

const PARTITIONS = 2
const SETTINGS: Env = { ROLLCALL_PARTITIONS: String(PARTITIONS), ROLLCALL_SHARDS: '1' }
const FLIPS = 20
const NAMED = ['RC_CHECKPOINT_CORRUPT', 'RC_DOCUMENT_CORRUPT']
const VISITORS = Array.from({ length: 8 }, (_, i) => `visitor-${i}`)

const idsOf = (visitor: string): string[] => [1, 2, 3, 4].map(n => `${visitor}/${n}`)
const sessionsOf = (visitor: string): string => `/web-sessions?visitor=${visitor}`
const event = (visitor: string, n: number, ts: number) => ({
  id: `${visitor}/${n}`,
  sessionId: visitor,
  ts,
  page: `/p${n}`,
})

/** Values under each key of a table of the state. */
async function valuesIn(path: string, table: string): Promise<Buffer[]> {
  const env = openStateEnvironment(path, { readOnly: true })
  const options = { useVersions: true, cache: false, encoding: 'binary', keyEncoding: 'binary' } as const
  const values = [...env.openDB<Buffer, Buffer>(table, options).getRange({})].map(({ value }) => Buffer.from(value))
  await env.close()
  return values
}

/** Flips a bit of the value wherever the file has it, in a page that counts or in one that does not any more. */
function flipInFile(file: string, value: Buffer, random: Random): void {
  const bytes = readFileSync(file)
  const [at, bit] = [random.int(0, value.length - 1), random.int(0, 7)]
  const places: number[] = []
  for (let place = bytes.indexOf(value); place >= 0; place = bytes.indexOf(value, place + 1)) places.push(place)
  for (const place of places) bytes[place + at]! ^= 1 << bit
  writeFileSync(file, bytes)
}

describe('a state of which a bit is another one than was written', () => {
  let server: Server
  let shown: Map<string, Body>
  const now = Date.now()

  beforeAll(async () => {
    server = await startServer(SETTINGS)
    for (const visitor of VISITORS) {
      const events = [1, 2, 3].map(n => event(visitor, n, now - 60_000 + n))
      expect((await server.post('/events', events)).status).toBe(202)
      expect((await server.post('/heartbeats', { userId: visitor, path: '/live/a' })).status).toBe(202)
    }
    const read = async (visitor: string): Promise<[string, Body]> => [
      visitor,
      (await server.get(sessionsOf(visitor), { after: true })).body,
    ]
    shown = new Map(await Promise.all(VISITORS.map(read)))
    await server.stop()
  })

  const copied = (): string => {
    const data = temporaryDirectory()
    cpSync(server.data, data, { recursive: true })
    return data
  }

  const run = (data: string, ...args: string[]): Promise<Ran> =>
    ended(rollcall(args, { ...SETTINGS, ROLLCALL_DATA: data }))

  test('stops the partition of a damaged record alone, and a repair makes it anew from the log', async () => {
    const [visitor, other] = [0, 1].map(
      partition => VISITORS.find(each => partitionOf(each, PARTITIONS) === partition)!,
    ) as [string, string]
    const data = copied()
    const [piece] = await flipPiecesWith(join(data, 'state'), 0, visitor, 1_000)
    const damaged = await startServer(SETTINGS, data)
    for (const each of [visitor, other]) await damaged.post('/events', event(each, 4, now - 50_000))
    await vi.waitFor(async () => {
      const { stopped } = (await damaged.get('/readyz')).body
      expect(stopped).toMatchObject([{ partition: 0, stopped: { code: 'RC_CHECKPOINT_CORRUPT' } }])
    }, 10_000)
    expect(damaged.output).toContain(`the piece ${piece}`)
    const after = { headers: { 'rollcall-after': damaged.positions.split(',').find(each => each.startsWith('1-'))! } }
    expect((await damaged.get(sessionsOf(other), after)).body.webSessions).toMatchObject([{ eventIds: idsOf(other) }])
    await damaged.stop()
    const found = await run(data, 'doctor')
    expect([found.code, found.stdout]).toEqual([
      1,
      expect.stringContaining(`RC_CHECKPOINT_CORRUPT: Partition 0: the piece ${piece}`),
    ])
    const repaired = await run(data, 'repair')
    const lines = repaired.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect([repaired.code, lines]).toEqual([
      0,
      [
        { partition: 0, problem: 'RC_CHECKPOINT_CORRUPT', repaired: true, replays: true },
        { partition: 1, problem: null, repaired: false },
      ],
    ])
    expect((await run(data, 'doctor')).code).toBe(0)
    const verified = await run(data, 'verify')
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('its checkpoint is empty')])
    await damaged.start()
    for (const each of [visitor, other])
      expect((await damaged.get(sessionsOf(each), { after: true })).body.webSessions).toMatchObject([
        { eventIds: idsOf(each) },
      ])
    expect((await damaged.get('/viewers')).body.attendance).toBe(VISITORS.length)
  })

  test('names a damaged document, and a repair and a rewind bring a web session back', async () => {
    const visitor = VISITORS[0]!
    const data = copied()
    const session = shown.get(visitor).webSessions[0]
    await flipInState(join(data, 'state'), 'documents', documentKey('web-sessions', session.id), 200)
    const damaged = await startServer(SETTINGS, data)
    expect(await damaged.get(`/web-sessions/${session.id}`)).toMatchObject({
      status: 500,
      body: { code: 'RC_DOCUMENT_CORRUPT' },
    })
    await expect.poll(() => damaged.output).toContain(`web-sessions/${session.id} is not as it was written`)
    await damaged.stop()
    const named = `web-sessions/${session.id}`
    expect((await run(data, 'doctor')).stdout).toContain(`RC_DOCUMENT_CORRUPT: ${named} `)
    const refused = await run(data, 'repair')
    expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining(`"document":"${named}"`)])
    expect((await run(data, 'repair', '--accept-loss')).code).toBe(0)
    expect((await run(data, 'doctor')).code).toBe(0)
    expect((await run(data, 'rewind', '--from', session.day)).code).toBe(0)
    await damaged.start()
    expect((await damaged.get(sessionsOf(visitor))).body).toEqual(shown.get(visitor))
    await damaged.stop()
  })

  /** Not served at all, with a code that says why; else as it was. */
  const isNamed = ({ status, body }: Reply): boolean => status >= 500 && NAMED.includes(body.code)

  test(`is never served: after ${FLIPS} flips what is shown is as it was, or named`, async () => {
    const random = seeded('bits of the state')
    let named = 0
    for (let n = 0; n < FLIPS; n++) {
      const data = copied()
      const state = join(data, 'state')
      const values = await valuesIn(state, n % 2 === 0 ? 'documents' : 'checkpoint')
      flipInFile(join(state, 'data.mdb'), random.pick(values), random)
      const flipped = await startServer(SETTINGS, data)
      const before = new Map<string, Reply>()
      for (const visitor of VISITORS) before.set(visitor, await flipped.get(sessionsOf(visitor)))
      for (const [visitor, reply] of before)
        if (!isNamed(reply)) expect(reply.body, visitor).toEqual(shown.get(visitor))
      for (const visitor of VISITORS) {
        // A fourth event makes the server read what it knows of the visitor.
        const sent = await flipped.post('/events', event(visitor, 4, now - 50_000))
        const headers = { 'rollcall-after': sent.headers.get('rollcall-position')! }
        const reply = await flipped.get(sessionsOf(visitor), { headers })
        if (isNamed(reply)) named++
        else expect(reply.body.webSessions, visitor).toMatchObject([{ visitorId: visitor, eventIds: idsOf(visitor) }])
      }
      await flipped.kill()
    }
    expect(named).toBeGreaterThan(0)
  }, 180_000)
})
