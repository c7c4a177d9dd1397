import { afterEach, describe, expect, test } from 'vitest'
import { addGauges } from '../src/bridge/gauges.ts'
import { figuresAnswer } from '../src/bridge/http/front/shape.ts'
import { doors, NOW, SECRET, tokenOf } from './support/doors.ts'
import { figure } from './support/exposition.ts'

const WINDOW_MS = 300_000
const OPERATOR = 'another secret of thirty-two chars'
const AUTH = { ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_AUTH_OPERATOR_SECRET: OPERATOR }

let opened: ReturnType<typeof doors> | undefined
afterEach(() => opened?.app.close())

interface World {
  env?: Record<string, string>
  sessions?: number
  audience?: () => Promise<unknown>
  stopped?: { code: string; message: string } | null
}

function front({ env = {}, sessions = 3, stopped = null, audience }: World = {}) {
  opened = doors(env)
  const { bridge } = opened
  const part = { partition: 0, timestamp: NOW, viewerCount: 41, countByUserGroup: [], countByViewingCountry: [] }
  Object.assign(bridge.documents, {
    find: async (collection: string, { limit }: { limit: number }) =>
      collection === 'statistics'
        ? [
            { _id: 'a', ...part, timestamp: NOW - WINDOW_MS },
            { _id: 'b', ...part, viewerCount: 1_234 },
          ]
        : Array.from({ length: Math.min(sessions, limit) }, (_, i) => ({ _id: `s${i}`, active: true })),
  })
  const all = { alive: 1_200, attendance: 5_678 }
  Object.assign(bridge.directory, {
    owner: { audience: audience ?? (async () => ({ all, bySession: [] })) },
    states: [
      { partition: 1, stopped },
      { partition: 2, stopped, applied: 5, replayUntil: 20 },
    ],
    ...{ failing: null, holder: null, lag: null },
  })
  return opened
}

const shown = (html: string, name: string) => new RegExp(`data-figure="${name}">([^<]*)<`).exec(html)?.[1]

describe('the first page', () => {
  test('says what this is, whether it is ready, and its figures, where nobody has to say who they are', async () => {
    const { ask } = front()
    const { status, headers, body } = await ask('/')
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'")
    expect(body).toContain('<h2>✓ Ready</h2>')
    expect(['viewers', 'sessions', 'beats'].map(name => shown(body, name))).toEqual(['1,200', '3', '0'])
    expect(body).toContain('12:00 UTC: 1,234 viewers')
    expect(body).toContain('11:55 UTC: 41 viewers')
    expect(body.match(/class="bar"/g)).toHaveLength(36)
    expect(body).not.toMatch(/style=|<script>|https?:/)
    // A phone shows the first columns.
    expect(body).toMatch(/Streamer<\/th><th[^>]*>Viewers<.*Partition<\/th><th[^>]*>Last commit</s)
    for (const link of ['inspect', 'docs/README.md', 'reference', 'openapi.json'])
      expect(body).toContain(`href="${link}"`)
    for (const file of ['/front/front.js', '/front/front.css', '/docs/http.md', '/docs/README.md'])
      expect((await ask(file)).status).toBe(200)
    for (const file of ['/front/index.ts', '/front/..%2Findex.ts', '/docs/none.md', '/docs/..%2Fpackage.json'])
      expect((await ask(file)).status).toBe(404)
  })

  test('is an empty shell where callers have tokens, and shows its figures to operators', async () => {
    const { ask } = front({ env: AUTH })
    const { body } = await ask('/')
    expect(body).toContain('token')
    expect(body).not.toContain('1,200')
    expect((await ask('/figures')).status).toBe(401)
    expect((await ask('/figures', { token: await tokenOf({ sub: 'ann' }) })).status).toBe(403)
    const operator = await ask('/figures', { token: await tokenOf({ scope: 'service' }, OPERATOR) })
    expect([operator.status, shown(operator.body, 'viewers')]).toEqual([200, '1,200'])
  })

  test('says what does not go on in the words of /readyz, and which figures are not known', async () => {
    const stopped = { code: 'RC_LOG_BEHIND', message: 'with names of <files>' }
    const { ask } = front({ stopped, audience: async () => Promise.reject(new Error('away')) })
    const { body } = await ask('/')
    const { body: readyz } = await ask('/readyz')
    const [{ stopped: told }] = readyz.stopped
    expect(body).toContain('<h2>✗ Not ready</h2>')
    expect(body).toContain(`<code>${told.code}</code> Partitions 1–2: ${told.message} (5 of 20 entries)`)
    expect(body).not.toContain('names of')
    expect(shown(body, 'viewers')).toBe('not known')
  })

  test('waits no longer than half a second for a figure, and asks once for all who look meanwhile', async () => {
    let asked = 0
    const { ask, time } = front({
      audience: () => {
        asked++
        return new Promise(() => {})
      },
    })
    const answers = Promise.all([ask('/'), ask('/figures')])
    await time.settle(20)
    await time.advance(500)
    for (const { body } of await answers) expect(shown(body, 'viewers')).toBe('not known')
    expect(asked).toBe(1)
  })

  test('and the figures for machines ask for who is there and who is live once', async () => {
    const asked: string[] = []
    const { ask, bridge, time } = front({
      audience: async () => {
        asked.push('audience')
        return { all: { alive: 7, attendance: 9 }, bySession: [] }
      },
    })
    const { find } = bridge.documents
    Object.assign(bridge.documents, {
      find: async (...[collection, query]: Parameters<typeof find>) => {
        if (collection === 'sessions') asked.push(collection)
        return find(collection, query)
      },
    })
    Object.assign(bridge.directory, { isOwn: true, waits: 0 })
    addGauges(bridge)
    const look = async (): Promise<string[]> => {
      const [{ body: page }, { body: text }] = await Promise.all([ask('/'), ask('/metrics')])
      const figures = [figure(text, 'rollcall_viewers_alive'), figure(text, 'rollcall_sessions_live')]
      expect(['viewers', 'sessions'].map(name => shown(page, name))).toEqual(figures.map(String))
      return asked.splice(0).sort()
    }
    expect(await look()).toEqual(['audience', 'sessions'])
    await time.advance(600)
    expect(await look()).toEqual(['audience'])
  })

  test('asks for a figure again only when it was answered, which may be with an error', async () => {
    const questions: PromiseWithResolvers<unknown>[] = []
    const { ask, time } = front({
      audience: () => {
        questions.push(Promise.withResolvers())
        return questions.at(-1)!.promise
      },
    })
    const later = async (): Promise<string | undefined> => {
      const answer = ask('/figures')
      await time.settle(20)
      await time.advance(600)
      return shown((await answer).body, 'viewers')
    }
    for (let look = 0; look < 4; look++) expect([await later(), questions.length]).toEqual(['not known', 1])
    questions[0]!.reject(new Error('away'))
    await time.settle(20)
    expect([await later(), questions.length]).toEqual(['not known', 2])
  })

  test('counts live sessions up to its bound', async () => {
    expect(shown((await front({ sessions: 5_000 }).ask('/')).body, 'sessions')).toBe('5,000')
    await opened?.app.close()
    expect(shown((await front({ sessions: 5_001 }).ask('/')).body, 'sessions')).toBe('over 5,000')
  })

  test('counts heartbeats as they are accepted, by either door', async () => {
    const { ask, post, request, time } = front()
    await time.advance(20_000)
    await post(
      '/heartbeats',
      [1, 2, 3, 4].map(n => ({ userId: `u${n}`, path: '/' })),
    )
    await post('/heartbeats', { userId: 'ann', path: '/', at: 7 })
    await request('heartbeats.ann', { userId: 'ann', path: '/' })
    expect(shown((await ask('/')).body, 'beats')).toBe('0.3')
    await time.advance(61_000)
    expect(shown((await ask('/')).body, 'beats')).toBe('0')
  })

  test('is as JSON all that the document of the routes says, and no more', async () => {
    const { ask } = front({ stopped: { code: 'RC_NOT_READY', message: '' } })
    const { body } = await ask('/figures.json')
    const { body: document } = await ask('/openapi.json')
    const { content } = document.paths['/figures.json'].get.responses[200]
    const described = content['application/json'].schema.properties
    expect(Object.keys(described).sort()).toEqual(Object.keys(body).sort())
    expect(body.partitions).toHaveLength(2)
    expect(figuresAnswer.parse(body)).toEqual(body)
  })
})
