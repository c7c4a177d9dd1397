import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { temporaryDirectory } from '../support/server.ts'

const SCRIPT = '/usr/bin/script'

/** What a person sees of the command on a terminal of its own; it ends with the test. */
function seen(command: string, env: Record<string, string>): () => string {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(ROLLCALL|PUSHER|FIREBASE)_/.test(name))
  const child = spawn(SCRIPT, ['-qec', command, '/dev/null'], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', data => {
    text += data
  })
  // Ctrl+C, as a terminal takes it.
  onTestFinished(() => new Promise(resolve => child.once('exit', () => resolve()).stdin.write('\x03')))
  return () => text
}

describe.skipIf(!existsSync(SCRIPT))('who starts a server on a terminal', () => {
  test('reads where it listens and that it owns the partitions, and no JSON', async () => {
    const env = { ROLLCALL_DATA: temporaryDirectory(), ROLLCALL_PORT: '0', NO_COLOR: '1' }
    const text = seen(`${process.execPath} bin/rollcall.js serve`, env)
    await vi.waitFor(() => expect(text()).toContain('owns the partitions'), { timeout: 30_000, interval: 50 })
    const lines = text().trimEnd().split(/\r?\n/)
    expect(lines[0]).toMatch(
      /^\[[\d:]{8}\] INFO: listening on http:\/\/127\.0\.0\.1:\d+: open it in a browser, Ctrl\+C ends it$/,
    )
    expect(lines[1]).toMatch(/^ {4}\(.*log=lmdb.*callers=all may do everything\)$/)
    expect(text()).not.toContain('{"level"')
  })
})
