import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { type Rollcall, start } from '../src/rollcall.ts'
import { familiesIn, figure } from './support/exposition.ts'

let rollcall: Rollcall
let folder: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  const config = readConfig({
    ...{ ROLLCALL_DATA: folder, ROLLCALL_FLUSH_MS: '50', ROLLCALL_SHARDS: '2', ROLLCALL_PARTITIONS: '4' },
    ROLLCALL_LOG_LEVEL: 'silent',
  })
  rollcall = await start({ ...config, port: 0 })
})

afterEach(async () => {
  await rollcall.close()
  rmSync(folder, { recursive: true })
})

const text = async (): Promise<string> => (await fetch(`${rollcall.url}/metrics`)).text()

async function beats(count: number, path: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify(Array.from({ length: count }, (_, n) => ({ userId: `user-${n}`, path })))
  const response = await fetch(`${rollcall.url}/heartbeats`, { method: 'POST', headers, body })
  const position = response.headers.get('rollcall-position')!
  await fetch(`${rollcall.url}/viewers`, { headers: { 'rollcall-after': position } })
}

/** What grows, by its series. */
const grown = (shown: string): Map<string, number> =>
  new Map([...familiesIn(shown)].flatMap(([, { type, samples }]) => (type === 'gauge' ? [] : [...samples])))

test('the figures go on while a shard is gone and when it is back, and no count goes down', async () => {
  await beats(100, '/')
  let former = grown(await text())
  const before = Number(figure(await text(), 'rollcall_transitions_total', { shard: '0' }))
  expect(before).toBeGreaterThan(10)
  let stopped = 0
  // A shard that is back before anybody looked was not seen to be away; each time it stays away for longer.
  for (let scrape = 0; scrape < 40 || (stopped < 2 && scrape < 400); scrape++) {
    if (scrape % 40 === 0) await rollcall.shards[0]!.kill()
    const shown = await text()
    const now = grown(shown)
    for (const [series, count] of former) expect(now.get(series), series).toBeGreaterThanOrEqual(count)
    former = now
    expect(figure(shown, 'rollcall_owner')).toBe(1)
    stopped = Math.max(stopped, 4 - figure(shown, 'rollcall_partition_running')!)
    await pause(50)
  }
  expect(stopped).toBe(2)
  const isBack = async () => figure(await text(), 'rollcall_partition_running')
  await expect.poll(isBack, { timeout: 30_000 }).toBe(4)
  await beats(100, '/other')
  const after = await text()
  expect(figure(after, 'rollcall_transitions_total', { shard: '0' })).toBeGreaterThan(before)
})
