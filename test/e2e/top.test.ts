import { existsSync } from 'node:fs'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { ended, rollcall, type Server, startServer } from '../support/server.ts'
import { terminal } from '../support/terminal.ts'

const [ALTERNATE, NORMAL] = ['\u001B[?1049h', '\u001B[?1049l']
const PATIENCE = { timeout: 20_000, interval: 50 }

let server: Server
let url: string
beforeAll(async () => {
  server = await startServer({ ROLLCALL_FLUSH_MS: '50' })
  url = await server.url
  const { body: session } = await server.post('/sessions', { userId: 'sam', title: 'an evening' })
  await server.post(
    '/heartbeats',
    ['ann', 'bob'].map(userId => ({ userId, path: `/live/${session.id}` })),
  )
  await server.get('/viewers', { after: true })
})

describe('rollcall top', () => {
  test('shows once how a server stands, as text where it is asked for', async () => {
    await vi.waitFor(async () => {
      const { code, stdout, stderr } = await ended(rollcall(['top', '--once', '--table', '--url', url]))
      expect([code, stderr]).toEqual([0, ''])
      const lines = stdout.trimEnd().split('\n')
      expect(lines[0]).toMatch(/^Rollcall {2}✓ Ready {2}[\d-]{10} [\d:]{8} UTC$/)
      expect(lines[1]).toMatch(new RegExp(`^Owned by process ${server.pid} on `))
      expect(stdout).toMatch(/^Viewers +2 +Live sessions +1$/m)
      expect(lines.find(line => line.startsWith('sam '))).toMatch(/^sam +preview +2 .*an evening$/)
    }, PATIENCE)
  })

  test('shows it as JSON, which is /figures.json, a line a second', async () => {
    const { code, stdout } = await ended(rollcall(['top', '--once', '--url', url]))
    const { body } = await server.get('/figures.json')
    expect([code, stdout.split('\n').length]).toEqual([0, 2])
    expect(Object.keys(JSON.parse(stdout))).toEqual(Object.keys(body))
    expect(JSON.parse(stdout).sessions.count).toBe(body.sessions.count)

    const child = rollcall(['top', '--json', '--url', url])
    const lines: string[] = []
    child.stdout!.setEncoding('utf8').on('data', text => lines.push(...text.trimEnd().split('\n')))
    await vi.waitFor(() => expect(lines.length).toBeGreaterThanOrEqual(3), PATIENCE)
    child.kill()
    const times = lines.map(line => JSON.parse(line).at)
    expect(times[2] - times[0]).toBeGreaterThan(1_000)
  })

  test('says in a line that nobody answers, and takes no screen for it', async () => {
    const { code, stdout, stderr } = await ended(rollcall(['top', '--url', 'http://127.0.0.1:9']))
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(/^RC_UNREACHABLE: /)])
  })
})

describe.skipIf(!existsSync(terminal.path))('rollcall top on a terminal', () => {
  test.each([
    ['q', 'q'],
    ['Ctrl+C', '\u0003'],
  ])('takes the screen, draws it anew, and gives it back at %s', async (_, key) => {
    const { text, type, exit } = terminal.run(`${process.execPath} bin/rollcall.js top --url ${url}`)
    const drawn = (): number => text().split('Rollcall  ✓ Ready').length - 1
    await vi.waitFor(() => expect(drawn()).toBeGreaterThanOrEqual(2), PATIENCE)
    expect(text().indexOf(ALTERNATE)).toBe(0)
    expect(text()).not.toContain(NORMAL)
    type(key)
    expect(await exit).toBe(0)
    expect(text().endsWith(NORMAL)).toBe(true)
  })
})
