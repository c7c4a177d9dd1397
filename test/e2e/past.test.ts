import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { fork as Fork } from '../../src/inspect/fork.ts'
import { type Server, startServer } from '../support/server.ts'

let server: Server
const folder = mkdtempSync(join(tmpdir(), 'rollcall-modules-'))

beforeAll(async () => {
  server = await startServer({ ROLLCALL_FLUSH_MS: '50' })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Fetches a module and all that it imports, as a browser does; answers where it lies here. */
async function fetched(path: string, seen = new Set<string>()): Promise<string> {
  const file = join(folder, path)
  if (seen.has(path)) return file
  seen.add(path)
  const response = await fetch(`${await server.url}${path}`)
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
  const text = await response.text()
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  for (const [, other] of text.matchAll(/^(?:import|export)[^'"=;]*['"]([^'"]+)['"]/gm)) {
    expect(other).toMatch(/^\.\.?\//)
    await fetched(new URL(other!, `http://x${path}`).pathname, seen)
  }
  return file
}

describe('the past of an actor, over HTTP', () => {
  test('leads to what it is, and is forked by the modules that the page is given', async () => {
    const { body: session } = await server.post('/sessions', { userId: 'sam', title: 'one' })
    await server.post(`/sessions/${session.id}/preset`, { preset: 'sd' })
    await server.post(`/sessions/${session.id}/end`, {})
    const { body: now } = await server.get('/inspect/actors/streamer-session/sam')
    const { status, body: past } = await server.get('/inspect/actors/streamer-session/sam/past')
    expect([status, past.reason, past.before.value]).toEqual([200, null, 'offline'])
    expect(past.steps.map(({ value }: { value: string }) => value)).toEqual(['preview', 'live', 'ended'])
    expect(past.steps.at(-1).snapshot).toEqual(now.snapshot)

    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const module: { fork: typeof Fork } = await import(pathToFileURL(await fetched('/inspect/page/fork.js')).href)
    const events = past.steps.map(({ event }: { event: { type: string } }) => event)
    const again = module.fork('streamer-session', past.before, events)
    expect(again.map(({ edge }) => edge)).toEqual(past.steps.map(({ edge }: { edge: string }) => edge))
    expect(again.at(-1)!.snapshot.context).toEqual(now.snapshot.context)
    const without = module.fork('streamer-session', past.before, [events[0], events[2]])
    expect(without.map(({ value }) => value)).toEqual(['preview', 'ended'])
    const [, refused] = module.fork('streamer-session', past.before, [events[0], { type: 'session.end' }, events[1]])
    expect(refused).toMatchObject({ value: 'preview', error: expect.stringContaining('takes no session.end without') })
    const { body: after } = await server.get('/inspect/actors/streamer-session/sam')
    expect(after.snapshot).toEqual(now.snapshot)
  })

  test('is of as many steps as asked for', async () => {
    for (let n = 0; n < 3; n++)
      await server.post('/heartbeats', { userId: 'ann', path: '/', at: Date.now() - 90_000 + n * 30_000 })
    const { body } = await server.get('/inspect/actors/viewer/ann/past?limit=2')
    expect(body.steps).toHaveLength(2)
    expect(body.reason).toBe('These are the last 2 of 3 steps since the beginning of the log.')
    expect((await server.get('/inspect/actors/viewer/nobody/past')).body).toMatchObject({ reason: null, steps: [] })
    expect((await server.get('/inspect/actors/robot/ann/past')).status).toBe(404)
    for (const limit of ['0', '501', 'x'])
      expect((await server.get(`/inspect/actors/viewer/ann/past?limit=${limit}`)).body.code).toBe('RC_INVALID_INPUT')
    for (const file of ['machines/none.js', 'machines/..%2Ffork.js', 'xstate/%2e%2e%2ffork.js'])
      expect((await server.get(`/inspect/page/${file}`)).status).not.toBe(200)
  })
})
