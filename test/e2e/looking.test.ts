import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/nats-server.ts'
import { type Body, type Env, ended, type Ran, rollcall, type Server, startServer } from '../support/server.ts'

const DAY = '2026-01-31'
const AT = Date.parse(`${DAY}T12:00:00Z`)
const TITLE = 'an \u001b[31mevening\u009b2J\u202e'
const VISITORS = 1_200
const SECRET = 'a secret that is long enough, for tests alone'

let server: Server
beforeAll(async () => {
  server = await startServer({ ROLLCALL_FLUSH_MS: '50' })
  const { body: sam } = await server.post('/sessions', { userId: 'sam', title: TITLE })
  await server.post(`/sessions/${sam.id}/preset`, { preset: 'sd' })
  const { body: kim } = await server.post('/sessions', { userId: 'kim', title: 'two' })
  await server.post(`/sessions/${kim.id}/end`, {})
  const beats = ['ann', 'bob', 'eve'].map(userId => ({ userId, path: userId === 'eve' ? '/' : `/live/${sam.id}` }))
  await server.post('/heartbeats', beats)
  const visits = Array.from({ length: VISITORS }, (_, n) => ({ id: '1', sessionId: `v${n}`, ts: AT, page: '/' }))
  for (const some of [visits.slice(0, 1_000), visits.slice(1_000)]) await server.post('/events', some)
  await server.post('/events', { id: '2', sessionId: 'v7', ts: AT + 3_600_000, page: '/later', userId: 'ann' })
  await server.get('/viewers', { after: true })
})

const run = async (args: string[], env: Env = {}, url?: string): Promise<Ran> =>
  ended(rollcall([...args, '--url', url ?? (await server.url)], env))
const linesOf = ({ stdout }: Ran): string[] => (stdout === '' ? [] : stdout.trimEnd().split('\n'))
const jsonOf = async (...args: string[]) => linesOf(await run(args)).map(line => JSON.parse(line))
const tableOf = async (...args: string[]) => linesOf(await run([...args, '--table'])).map(line => line.split(/ {2,}/))

describe('what a running server knows', () => {
  test('is who watches, in all and by stream, those with most viewers first', async () => {
    const { body } = await server.get('/viewers')
    const { next: _, ...answered } = body
    expect(await jsonOf('viewers')).toEqual([answered])
    const [session] = Object.keys(body.bySession)
    const [head, all, first] = await tableOf('viewers')
    expect([head, all, first]).toEqual([
      ['ALIVE', 'ATTENDANCE', 'SESSION'],
      ['3', '3', 'all'],
      ['2', '2', session],
    ])
  })

  test('is who is live, and of all sessions also those that have ended', async () => {
    const { body } = await server.get('/sessions')
    // Viewers are counted meanwhile.
    const counted = { metadata: expect.anything() }
    const all = body.sessions.map((session: Body) => ({ ...session, ...counted }))
    expect(await jsonOf('sessions', '--all')).toEqual(all)
    expect((await jsonOf('sessions')).map(({ userId }) => userId)).toEqual(['sam'])
    const states = (await tableOf('sessions', '--all')).map(cells => `${cells[0]} ${cells[4]}`)
    expect([states[0], states.slice(1).sort()]).toEqual(['STATE STREAMER', ['ended kim', 'live sam']])
  })

  test('is the visits of a day, of a visitor and of a user', async () => {
    const of = async (...args: string[]) => (await jsonOf('visits', ...args)).map(({ id }) => id)
    const both = [`v7-${DAY}`, `v7-${DAY}#2`]
    expect(await of('--visitor', 'v7')).toEqual(both)
    expect(await of('--visitor', 'v7', '--day', '2026-02-01')).toEqual([])
    expect(await of('--user', 'ann')).toEqual([both[1]])
    const [, visit] = await tableOf('visits', '--user', 'ann')
    expect(visit).toEqual([
      ...['2026-01-31T13:00:00.000Z', '2026-01-31T13:00:00.000Z', '1', 'inactivity', 'ann', '-', both[1], '/later'],
    ])
  })

  test('is the visits of today in ROLLCALL_ZONE, unless told', async () => {
    const now = Date.now()
    await server.post('/events', { id: '1', sessionId: 'now', ts: now, page: '/' })
    await server.get('/viewers', { after: true })
    const { stdout } = await run(['visits'])
    const today = new Date(now).toISOString().slice(0, 10)
    expect(stdout).toContain(`"id":"now-${today}"`)
    const elsewhere = await run(['visits'], { ROLLCALL_ZONE: 'Pacific/Kiritimati' })
    const there = new Intl.DateTimeFormat('sv', { timeZone: 'Pacific/Kiritimati' }).format(now)
    expect(elsewhere.stdout.includes('"now-')).toBe(there === today)
  })

  test('is asked for in so many pages as it takes, and said to be cut where it is', async () => {
    const whole = await run(['visits', '--day', DAY, '--limit', '5000'])
    expect([new Set(linesOf(whole)).size, whole.stderr]).toEqual([VISITORS + 1, ''])
    const cut = await run(['visits', '--day', DAY, '--limit', '1100'])
    expect([new Set(linesOf(cut)).size, cut.stderr]).toEqual([1_100, expect.stringContaining('There are more')])
  })

  test('is what was asked of others, by state and actor', async () => {
    const { body } = await server.get('/effects?actor=streamer-session/sam')
    expect(await jsonOf('effects', '--actor', 'streamer-session/sam')).toEqual(body.effects)
    expect(await jsonOf('effects', '--state', 'parked')).toEqual([])
    const kinds = (await tableOf('effects', '--actor', 'streamer-session/sam')).map(cells => cells[2])
    expect(kinds).toEqual(['KIND', ...body.effects.map(({ kind }: { kind: string }) => kind)])
  })

  test.each([
    ['a table', ['--table'], 'an \\x1b[31mevening\\x9b2J\\u202e'],
    ['JSON', ['--json'], 'an \\u001b[31mevening\\u009b2J\\u202e'],
  ])('moves no cursor, whatever others wrote, in %s', async (_name, flags, shown) => {
    const { stdout } = await run(['sessions', ...flags])
    expect(stdout).toContain(shown)
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u)
  })
})

describe('a command that looks', () => {
  test.each([
    ['viewers'],
    ['sessions'],
    ['visits'],
    ['effects'],
    ['owner'],
    ['actors'],
  ])('%s says in a line that no server answers, and ends with 1', async name => {
    const url = `http://127.0.0.1:${await freePort()}`
    const { code, stdout, stderr } = await run([name], {}, url)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^RC_UNREACHABLE: No answer from http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED .*\n$/)
  })

  test('says of another server than Rollcall’s that it is none', async () => {
    const { createServer } = await import('node:http')
    const other = createServer((_, response) => response.end('<html>')).listen(0)
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const { code, stderr } = await run(['sessions'], {}, `http://127.0.0.1:${port}`)
    other.close()
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^RC_UNREACHABLE: .* did not answer as Rollcall does\n$/)])
  })

  test('needs a token where callers have one, and says how it is given', async () => {
    const guarded = await startServer({ ROLLCALL_AUTH_SECRET: SECRET })
    const url = await guarded.url
    const token = (claims: Record<string, unknown>) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(SECRET))
    const operator = await token({ scope: 'operator' })
    const user = await token({ sub: 'ann', exp: Math.floor(Date.now() / 1_000) + 600 })
    const of = async (name: string, env: Env) => {
      const { code, stderr } = await run([name], env, url)
      return [code, stderr.split(':')[0]!.trim()]
    }
    const missing = await run(['effects'], {}, url)
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringMatching(/^RC_UNAUTHENTICATED: .*ROLLCALL_TOKEN/)])
    expect(await of('effects', { ROLLCALL_TOKEN: `${operator}x` })).toEqual([1, 'RC_UNAUTHENTICATED'])
    expect(await of('effects', { ROLLCALL_TOKEN: user })).toEqual([1, 'RC_NOT_ALLOWED'])
    expect(await of('effects', { ROLLCALL_TOKEN: operator })).toEqual([0, ''])
    expect(await of('sessions', { ROLLCALL_TOKEN: user })).toEqual([0, ''])
    expect(await of('owner', {})).toEqual([0, ''])
  })

  test('ends without a word when nobody reads on', async () => {
    const script = `"$0" bin/rollcall.js visits --day ${DAY} --limit 5000 --url ${await server.url} | head -1`
    const child = spawn('bash', ['-c', `set -o pipefail; ${script}`, process.execPath], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { code, stdout, stderr } = await ended(child)
    expect([code, stdout.split('\n').length, stderr]).toEqual([1, 2, ''])
  })
})
