import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { openLog } from '../../src/log/embedded/writer.ts'
import { start } from '../../src/rollcall.ts'
import { temporaryDirectory } from '../support/server.ts'

const DAY_MS = 86_400_000

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test.each([
  { days: 6, forgets: false },
  { days: 8, forgets: true },
])('a server forgets entries of $days days: $forgets', async ({ days, forgets }) => {
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
  const data = temporaryDirectory()
  const settings = { ROLLCALL_PARTITIONS: '1', ROLLCALL_PORT: '0', ROLLCALL_LOG_LEVEL: 'silent', ROLLCALL_DATA: data }
  const rollcall = await start(readConfig(settings))
  for (const userId of ['ann', 'ben', 'cleo']) {
    const body = JSON.stringify({ userId, path: '/' })
    const headers = { 'content-type': 'application/json' }
    const { headers: said } = await fetch(`${rollcall.url}/heartbeats`, { method: 'POST', headers, body })
    await fetch(`${rollcall.url}/viewers`, { headers: { 'rollcall-after': said.get('rollcall-position')! } })
  }
  // Both clocks go on: a step of the wall clock alone would be taken for a fault of it.
  const later = performance.now() + days * DAY_MS
  vi.spyOn(performance, 'now').mockReturnValue(later)
  vi.setSystemTime(Date.now() + days * DAY_MS)
  vi.advanceTimersByTime(3_600_000)
  await rollcall.close()
  const log = await openLog(join(data, 'log'), 1, {})
  const { first } = await log.bounds(0)
  await log.close()
  expect(first > 1).toBe(forgets)
})
