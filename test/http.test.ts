import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Caller, NOBODY } from '../src/bridge/callers.ts'
import { InFlight } from '../src/bridge/http/in-flight.ts'
import { httpServer } from '../src/bridge/http/index.ts'
import type { Bridge } from '../src/bridge/index.ts'
import { Limits } from '../src/bridge/limits.ts'
import { Refusals } from '../src/bridge/refusals.ts'
import { Turns } from '../src/bridge/turns.ts'
import type { Document } from '../src/documents/index.ts'
import { type ErrorCode, RollcallError } from '../src/errors.ts'
import { Meter } from '../src/observe/meter.ts'
import type { Owner, PartitionState } from '../src/ownership/index.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const USER: Caller = { ...NOBODY, subject: 'ann', userId: 'ann' }
const SERVICE: Caller = { ...NOBODY, isService: true }
const RATES = { requests: 1_000, records: 1_000, bytes: 1_000_000 }

let app: ReturnType<typeof httpServer>
afterEach(() => app.close())

interface World {
  caller?: Caller
  documents?: Record<string, Document>
  get?: (id: string) => Promise<Document>
  owner?: Partial<Owner>
  states?: PartitionState[]
  failing?: RollcallError | null
}

function server({ caller = SERVICE, documents = {}, get, owner = {}, states = [], failing = null }: World) {
  const faults = toldFaults()
  const settings = {
    partitions: 2,
    origins: [],
    ...{ countryHeader: null, snapshots: [] },
    feeds: { groups: [{ name: 'global', countries: null }] },
  }
  const time = new ManualTime()
  const refusals = new Refusals({ logger: { info() {}, warn() {} }, faults, time, meter: new Meter() })
  const limits = new Limits(RATES, time)
  app = httpServer(
    {
      ...{ settings, callers: { of: async () => caller }, limits, turns: new Turns(time), refusals, time, faults },
      documents: {
        get: async (collection: string, id: string) => get?.(id) ?? documents[`${collection}/${id}`] ?? null,
      },
      directory: { owner, states, failing },
    } as unknown as Bridge,
    new InFlight(time),
  )
  return { app, faults }
}

describe('the HTTP server', () => {
  test('cuts an answer that is not read for 30 s, and has a bound of connections', { timeout: 20_000 }, async () => {
    const biography = 'x'.repeat(64_000_000)
    const { app } = server({ documents: { 'users/ann': { _id: 'ann', profile: { biography } } } })
    expect([app.server.timeout, app.server.maxConnections]).toEqual([30_000, 10_000])
    app.server.timeout = 300
    await app.listen({ port: 0 })
    const socket = connect((app.server.address() as { port: number }).port)
    const [peer] = (await once(app.server, 'connection')) as [NodeJS.EventEmitter]
    const cut = once(peer, 'close')
    socket.pause()
    socket.write('GET /users/ann HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await cut
    socket.destroy()
  })

  test('works on the next request of a connection when the answer before is out', async () => {
    const asked: string[] = []
    const answers = new Map<string, () => void>()
    const { app } = server({
      get: id => {
        asked.push(id)
        return new Promise(resolve => answers.set(id, () => resolve({ _id: id })))
      },
    })
    await app.listen({ port: 0 })
    const socket = connect((app.server.address() as { port: number }).port)
    const came: string[] = []
    socket.on('data', data => came.push(...(String(data).match(/"id":"\w+"/g) ?? [])))
    socket.write(['ann', 'ben', 'cat'].map(id => `GET /users/${id} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''))
    for (const [n, id] of ['ann', 'ben', 'cat'].entries()) {
      await vi.waitUntil(() => answers.has(id))
      expect([asked.length, came.length]).toEqual([n + 1, n])
      answers.get(id)!()
      await vi.waitUntil(() => came.length === n + 1)
    }
    expect(came).toEqual(['"id":"ann"', '"id":"ben"', '"id":"cat"'])
    socket.destroy()
  })

  test('cuts a connection on which ever more requests come and no answer is awaited', { timeout: 10_000 }, async () => {
    const asked: string[] = []
    const { app } = server({
      get: id => {
        asked.push(id)
        return new Promise(() => {})
      },
    })
    await app.listen({ port: 0 })
    const socket = connect((app.server.address() as { port: number }).port)
    const cut = new Promise(resolve => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.write('GET /users/ann HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(65))
    await vi.waitUntil(() => asked.length === 1)
    socket.write('GET /users/ann HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(5_000))
    await cut
    expect(asked).toEqual(['ann'])
  })

  test('has a HEAD wait for the position that it names', async () => {
    const { app } = server({ documents: { 'users/ann': { _id: 'ann' } } })
    const headers = { host: 'localhost', 'rollcall-after': 'nonsense' }
    const answers = await Promise.all(
      (['GET', 'HEAD'] as const).map(method => app.inject({ method, url: '/users/ann', headers })),
    )
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([400, 400])
  })

  test('shows what streamers earned to services alone', async () => {
    const metadata = { preset: 'sd', revenue: 12, viewers: 3 }
    const documents = {
      'feeds/user_livestream-global': { _id: 'x', latest: 7, generatedAt: 1 },
      'feeds/7': { _id: '7', generatedAt: 1, items: [{ id: 'sam', metadata, badges: [] }] },
    }
    const itemFor = async (caller: Caller) => {
      const { app } = server({ caller, documents })
      const answers = [
        await app.inject('/feeds/user_livestream-global'),
        await app.inject('/feeds/user_livestream-global'),
      ]
      expect(answers[1]!.body).toBe(answers[0]!.body)
      return answers[0]!.json().items[0]
    }
    expect(await itemFor(SERVICE)).toEqual({ id: 'sam', metadata, badges: [] })
    expect(await itemFor(USER)).toEqual({ id: 'sam', metadata: { preset: 'sd', viewers: 3 }, badges: [] })
  })

  test.each<[ErrorCode, number, string | undefined, boolean]>([
    ['RC_NOT_READY', 503, '1', false],
    ['RC_NO_OWNER', 503, '1', false],
    ['RC_OVERLOADED', 503, '1', false],
    ['RC_STORE_UNAVAILABLE', 503, '1', false],
    ['RC_WAIT_TIMEOUT', 504, undefined, false],
    ['RC_INTERNAL', 500, undefined, true],
  ])('answers %s with %d and retry-after %s, reported as a fault: %s', async (code, status, retryAfter, isFault) => {
    const { app, faults } = server({ owner: { audience: async () => Promise.reject(new RollcallError(code)) } })
    const answer = await app.inject('/viewers')
    expect([answer.statusCode, answer.headers['retry-after'], faults.all.length > 0]).toEqual([
      status,
      retryAfter,
      isFault,
    ])
  })
})

describe('/readyz', () => {
  const goes = { partition: 0, stopped: null, applied: 5, replayUntil: 5 }

  test('is 200 where all partitions go on and the log takes events', async () => {
    const answer = await server({ states: [goes] }).app.inject('/readyz')
    expect([answer.statusCode, answer.json()]).toEqual([200, { ready: true, partitions: 2, stopped: [] }])
  })

  test('says how far a partition is, and nothing of what an error says beside its code', async () => {
    const stopped = { code: 'RC_NOT_READY', message: 'mongodb://user:secret@host' }
    const odd = { code: 'ECONNREFUSED', message: 'secret' }
    const states = [goes, { partition: 1, stopped, applied: 3, replayUntil: 9 }, { partition: 2, stopped: odd }]
    const answer = await server({ states }).app.inject('/readyz')
    expect([answer.statusCode, answer.headers['retry-after'], answer.body.includes('secret')]).toEqual([
      503,
      '1',
      false,
    ])
    expect(answer.json().stopped).toEqual([
      { partition: 1, stopped: { code: 'RC_NOT_READY', message: expect.any(String) }, applied: 3, replayUntil: 9 },
      { partition: 2, stopped: { code: 'RC_INTERNAL', message: expect.any(String) } },
    ])
  })

  test('is 503 with the reason where the log takes nothing', async () => {
    const failing = new RollcallError('RC_LOG_UNAVAILABLE', 'The disk is nearly full.')
    const answer = await server({ states: [goes], failing }).app.inject('/readyz')
    const writes = [{ code: 'RC_LOG_UNAVAILABLE', message: 'The disk is nearly full.' }]
    expect([answer.statusCode, answer.json()]).toEqual([503, { ready: false, partitions: 2, stopped: [], writes }])
  })
})
