import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import type { ReadStream, WriteStream } from 'node:tty'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Figures } from '../src/bridge/http/front/figures.ts'
import { Screen } from '../src/cli/looking/screen.ts'
import { watch } from '../src/cli/looking/watch.ts'
import { temporaryDirectory } from './support/server.ts'
import { ManualTime } from './support/time.ts'

const SCRIPT = '/usr/bin/script'
const FIGURES: Figures = {
  ...{ at: Date.UTC(2026, 0, 1), readiness: { ready: true, partitions: 0, owner: null, stopped: [] } },
  ...{ viewers: null, sessions: null, beatsASecond: 0, answers: null, webSessionsAMinute: null, records: null },
  ...{ partitions: [], effects: null, parked: null, disk: null, work: [], away: [], troubles: [], wrong: [] },
}
const PUT_BACK = '\u001B[?7h\u001B[?25h\u001B[?1049l'

/** A watch whose screen hands its lines to `drawn`. */
function watched(look: (signal: AbortSignal) => Promise<Figures>, drawn: (lines: readonly string[]) => void) {
  const [time, end] = [new ManualTime(), new AbortController()]
  const screen = { draw: drawn, ended: end.signal, size: { columns: 80, rows: 24 } }
  return { time, end, over: watch(screen, FIGURES, look, time) }
}

describe('a watch', () => {
  test('keeps nothing of what it showed before', async () => {
    const shown: WeakRef<object>[] = []
    const { time, end, over } = watched(
      async () => FIGURES,
      lines => void shown.push(new WeakRef(lines)),
    )
    await time.advance(100_000)
    setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
    expect(shown.length).toBe(101)
    expect(shown.filter(lines => lines.deref()).length).toBeLessThan(4)
    end.abort()
    await over
  })

  test('shows what was last seen while nothing answers', async () => {
    const shown: string[] = []
    const { time, end, over } = watched(
      () => Promise.reject(new Error('gone')),
      ([first]) => void shown.push(first!),
    )
    await time.advance(1_000)
    expect(shown).toEqual([expect.stringMatching(/^Rollcall {2}✓/), 'No answer, this is what was last seen: gone'])
    end.abort()
    await over
  })

  test('that ends waits neither for the time nor for an answer', async () => {
    const look = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    for (const passed of [0, 1_000]) {
      const { time, end, over } = watched(look, () => {})
      await time.advance(passed)
      end.abort()
      await over
    }
  })
})

describe('a screen', () => {
  test('wipes no last character of a full line, and wraps none that is wider than it looks', () => {
    const out = Object.assign(new PassThrough(), { columns: 4, rows: 2 })
    const screen = new Screen(out as unknown as WriteStream, new PassThrough() as unknown as ReadStream)
    screen.draw(['abcdef', '東京都庁舎'])
    screen.close()
    const text = String(out.read())
    expect(text).toBe(`\u001B[?1049h\u001B[?25l\u001B[?7l\u001B[H\u001B[Kabcd\r\n\u001B[K東京都庁${PUT_BACK}`)
  })

  test('listens to nothing any more when it is closed', () => {
    const events = ['SIGTERM', 'SIGINT', 'SIGHUP', 'exit']
    const counts = () => events.map(event => process.listenerCount(event))
    const before = counts()
    const screen = new Screen(new PassThrough() as unknown as WriteStream, new PassThrough() as unknown as ReadStream)
    expect(counts()).toEqual(before.map(count => count + 1))
    screen.close()
    expect(counts()).toEqual(before)
  })
})

describe.skipIf(!existsSync(SCRIPT))('a terminal', () => {
  /** `rollcall top` on a terminal of its own. */
  async function onTerminal(): Promise<{ child: ChildProcess; pid: () => number; text: () => string }> {
    const server = createServer((_, response) => response.end(JSON.stringify(FIGURES))).listen(0)
    onTestFinished(() => void server.close().closeAllConnections())
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const file = join(temporaryDirectory(), 'pid')
    const command = `echo $$ > ${file}; exec ${process.execPath} bin/rollcall.js top --url ${url}`
    const child = spawn(SCRIPT, ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
    let text = ''
    child.stdout!.setEncoding('utf8').on('data', data => {
      text += data
    })
    await vi.waitFor(() => expect(text).toContain('Rollcall'), { timeout: 20_000, interval: 50 })
    return { child, pid: () => Number(readFileSync(file, 'utf8')), text: () => text }
  }

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('is put back as it was by %s', async signal => {
    const { child, pid, text } = await onTerminal()
    process.kill(pid(), signal)
    const [code] = await once(child, 'close')
    expect([code, text().endsWith(PUT_BACK)]).toEqual([128 + constants.signals[signal], true])
  })

  test.each([['q'], ['\u0003']])('is put back as it was by the key %j', async key => {
    const { child, text } = await onTerminal()
    child.stdin!.write(key)
    const [code] = await once(child, 'close')
    expect([code, text().endsWith(PUT_BACK)]).toEqual([0, true])
  })
})
