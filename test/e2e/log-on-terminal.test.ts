import { existsSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import { screenOf } from '../support/screen.ts'
import { temporaryDirectory } from '../support/server.ts'
import { terminal } from '../support/terminal.ts'

describe.skipIf(!existsSync(terminal.path))('who starts a server on a terminal', () => {
  test('reads where it listens and that it owns the partitions, and no JSON', async () => {
    const env = { ROLLCALL_DATA: temporaryDirectory(), ROLLCALL_PORT: '0', NO_COLOR: '1' }
    const { text } = terminal.run(`${process.execPath} bin/rollcall.js serve`, env)
    await vi.waitFor(() => expect(text()).toContain('owns the partitions'), { timeout: 30_000, interval: 50 })
    const lines = text().trimEnd().split(/\r?\n/)
    expect(lines[0]).toMatch(
      /^\[[\d:]{8}\] INFO: listening on http:\/\/127\.0\.0\.1:\d+: open it in a browser, Ctrl\+C ends it$/,
    )
    expect(lines[1]).toMatch(/^ {4}\(.*log=lmdb.*callers=all may do everything\)$/)
    expect(text()).not.toContain('{"level"')
  })

  test.each([
    [
      'the bar of long work stands below the lines',
      '',
      [/^replaying the log {2}\[█{15}░{5}\] 75 % {2}3 of 4 entries, for/],
    ],
    ['no bar is left when the work is done', 'end', [/^$/]],
  ])('reads whole lines, and %s', async (_, how, last) => {
    const command = `stty cols 80 && ${process.execPath} test/support/lines-above-bar.ts ${how}`
    const { text, exit } = terminal.run(command, { NO_COLOR: '1' })
    expect(await exit).toBe(0)
    const lines = screenOf(text())
    const times = (pattern: RegExp): number => lines.filter(line => pattern.test(line)).length
    for (const n of [1, 2, 3]) {
      const begin = lines.findIndex(line => line.endsWith(`INFO: line ${n} (about=${'x'.repeat(50)}`.slice(0, 69)))
      expect(lines.slice(begin, begin + 2).join('')).toMatch(
        new RegExp(`^\\[[\\d:]{8}\\] INFO: line ${n} \\(about=x{90}\\)$`),
      )
      expect(times(new RegExp(`^said ${n}$`))).toBe(1)
    }
    expect(times(/entries/)).toBe(how === 'end' ? 0 : 1)
    expect(lines.slice(-last.length)).toEqual(last.map(each => expect.stringMatching(each)))
  })
})
