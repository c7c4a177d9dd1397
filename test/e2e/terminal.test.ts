import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Server, startServer } from '../support/server.ts'

let server: Server
beforeAll(async () => {
  server = await startServer({ ROLLCALL_FLUSH_MS: '50' })
  const { body: session } = await server.post('/sessions', { userId: 'sam', title: 'one' })
  await server.post(`/sessions/${session.id}/preset`, { preset: 'sd' })
  await server.post('/sessions', { userId: 'kim', title: 'two' })
  await server.post('/heartbeats', { userId: 'ann', path: '/' })
})

const begin = async (args: string[]): Promise<ChildProcess> => {
  const env = { ...process.env, ROLLCALL_TOKEN: '' }
  return spawn(process.execPath, ['bin/rollcall.js', ...args, '--url', await server.url], { env })
}

async function run(...args: string[]): Promise<{ code: number; lines: string[]; error: string }> {
  const child = await begin(args)
  let [text, error] = ['', '']
  child.stdout!.on('data', data => (text += data))
  child.stderr!.on('data', data => (error += data))
  const [code] = await once(child, 'close')
  return { code, lines: text.trimEnd().split('\n'), error }
}

describe('in a terminal', () => {
  test('actors are listed by kind and state', async () => {
    const { lines } = await run('actors', '--kind', 'streamer-session', '--state', 'live')
    expect(lines.map(line => JSON.parse(line))).toMatchObject([{ kind: 'streamer-session', key: 'sam', value: 'live' }])
    const all = (await run('actors')).lines.map(line => JSON.parse(line).key)
    expect(all).toEqual(expect.arrayContaining(['sam', 'kim', 'ann']))
  })

  test('a list of actors says beside itself when it is cut, and only then', async () => {
    for (const state of [[], ['--state', 'preview']]) expect((await run('actors', ...state)).error).toBe('')
    await server.post('/sessions', { userId: 'lee', title: 'three' })
    for (const query of [[], ['--state', 'preview']]) {
      const { lines, error } = await run('actors', '--limit', '1', ...query)
      expect([lines.length, error]).toEqual([1, expect.stringContaining('There may be more')])
    }
  })

  test('an actor is shown with its last events, and its chart', async () => {
    const { lines } = await run('inspect', 'streamer-session', 'sam', '--last', '2')
    expect(JSON.parse(lines[0]!)).toMatchObject({
      value: 'live',
      past: { steps: [{ value: 'preview' }, { value: 'live' }] },
    })
    const chart = await run('inspect', 'streamer-session', 'sam', '--mermaid')
    expect(chart.lines[0]).toBe('stateDiagram-v2')
    expect(chart.lines).toContain('  class live holds')
    expect(chart.lines).toContain('  live --> ended: session.end [current]')
    expect(await run('inspect', 'streamer-session', 'sam', '--mermaid', '--follow')).toEqual(chart)
  })

  test('an actor is followed as its events come', async () => {
    const child = await begin(['inspect', 'streamer-session', 'kim', '--last', '0', '--follow'])
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    const { value: session } = JSON.parse(String((await lines.next()).value))
    expect(session).toBe('preview')
    const { body } = await server.get('/sessions?active=true')
    const own = body.sessions.find(({ userId }: { userId: string }) => userId === 'kim')
    await server.post(`/sessions/${own.id}/preset`, { preset: 'sd' })
    expect(JSON.parse(String((await lines.next()).value))).toMatchObject({
      value: 'live',
      event: { type: 'session.preset' },
    })
    const ended = once(child, 'close')
    let error = ''
    child.stderr!.on('data', data => (error += data))
    await server.kill()
    expect(await ended).toEqual([1, null])
    expect(error).toMatch(/RC_UNREACHABLE: .* tells no more/)
    await server.start()
  })

  test('a feed is explained', async () => {
    const { lines } = await run('feed', 'user_livestream-global', '--explain')
    const rule = 'there is no user of this id'
    expect(JSON.parse(lines[0]!)).toMatchObject({
      items: [],
      leftOut: expect.arrayContaining([expect.objectContaining({ id: 'sam', rule })]),
    })
  })

  test.each<[string[], RegExp, number]>([
    [['inspect', 'streamer-session'], /Missing required positional argument: KEY/, 2],
    [['inspect', 'streamer-session', 'sam', 'kim'], /the operands of this command are <kind> <key>, not/, 2],
    [['inspect', 'streamer-session', 'nobody'], /RC_NOT_FOUND: .* has no actor streamer-session\/nobody/, 1],
    [['inspect', 'streamer-session', 'sam', '--last', 'x'], /--last takes a whole number/, 2],
    [['inspect', 'streamer-session', 'sam', '--folow'], /there is no --folow here/, 2],
    [['actors', '--limit', '5000'], /at most 1,000, not '5000'/, 2],
    [['feed', 'nothing'], /has no feed 'nothing'/, 1],
  ])('%j is refused with a sentence', async (args, message, expected) => {
    const { code, error } = await run(...args)
    expect([code, error]).toEqual([expected, expect.stringMatching(message)])
  })
})
