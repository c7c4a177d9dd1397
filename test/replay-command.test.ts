import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeRollcall } from './support/fake-rollcall.ts'

let folder: string
let rollcall: FakeRollcall

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-replay-'))
  rollcall = new FakeRollcall()
  await rollcall.listen()
})

afterEach(async () => {
  await rollcall.close()
  rmSync(folder, { recursive: true })
})

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const logLine = (n: number): string =>
  `v1 - - [31/Aug/2014:06:25:${String(n % 60).padStart(2, '0')} +0200] "GET /${n} HTTP/1.1" 200 1 "-" "x"`
const logLines = (count: number): string[] => Array.from({ length: count }, (_, n) => logLine(n))

describe('rollcall replay', () => {
  async function run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, ['bin/rollcall.js', 'replay', '--url', rollcall.url, ...args], { cwd: root })
    const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)]
    const code = await new Promise<number | null>(resolve => child.on('close', resolve))
    return { code, stdout: await stdout, stderr: await stderr }
  }
  const root = new URL('..', import.meta.url).pathname
  const textOf = async (stream: AsyncIterable<Buffer>): Promise<string> => {
    let text = ''
    for await (const chunk of stream) text += chunk
    return text
  }

  test('prints its summary as the last line of JSON', async () => {
    const { stdout } = await run(file('events.log', `nonsense\n${logLines(30).join('\n')}`))
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({
      events: 30,
      accepted: 30,
      badLines: 1,
      visitors: 1,
      sessions: 0,
      pageViews: 0,
      seconds: expect.any(Number),
      eventsPerSecond: expect.any(Number),
    })
  })

  test('says how far the server is behind what it took, until all can be read', async () => {
    const lags = [60, 30]
    rollcall.answer = async ({ method, path }) => {
      if (path === '/readyz') return { status: 503, body: { ready: false, owner: { lag: lags.shift() ?? 0 } } }
      if (method === 'GET' && rollcall.reads.filter(read => read.path !== '/readyz').length === 1)
        await new Promise(resolve => setTimeout(resolve, 2_300))
      return undefined
    }
    const { stdout } = await run(file('events.log', logLines(30).join('\n')))
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    const behind = lines.filter(({ work }) => work === 'readable')
    expect(behind.length).toBeGreaterThan(0)
    expect(behind.at(-1)).toMatchObject({ unit: 'entries', total: 60, since: expect.any(Number) })
    expect(behind.at(-1).done).toBeGreaterThan(0)
    expect(lines.at(-1)).toMatchObject({ events: 30, accepted: 30 })
  })

  test('succeeds in spite of bad lines', async () => {
    expect((await run(file('events.log', `nonsense\n${logLine(1)}`))).code).toBe(0)
  })

  test('fails when it could not deliver', async () => {
    rollcall.answer = () => ({ status: 503, body: { code: 'RC_OVERLOADED', message: 'full' } })
    expect((await run('--retry', '0', file('events.log', logLine(1)))).code).toBe(1)
  })

  test('fails when a file breaks off', async () => {
    expect((await run(file('cut.gz', gzipSync(logLines(500).join('\n')).subarray(0, -30)))).code).toBe(1)
  })

  test('fails when a file has no line that could be used', async () => {
    const { code, stderr } = await run(file('other.txt', 'nonsense\n'), file('events.log', logLine(1)))
    expect([code, stderr]).toEqual([1, expect.stringContaining('other.txt: no line could be used')])
  })

  test('says what is wrong in a line without a stack', async () => {
    expect((await run(join(folder, 'missing.log'))).stderr).toMatch(
      /^RC_NOT_FOUND: .*missing\.log: there is no such file\n$/,
    )
  })

  test('refuses a flag it does not know', async () => {
    expect((await run('--retries', '3', file('events.log', logLine(1)))).stderr).toMatch(
      /^RC_INVALID_INPUT: there is no --retries here\n/,
    )
  })
})
