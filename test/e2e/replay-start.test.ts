import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ended, inParallel, rollcall, startServer, temporaryDirectory } from '../support/server.ts'

const [BATCHES, EVENTS] = [25, 1_000]

test('rollcall replay says how far the start of its own server is', { timeout: 120_000 }, async () => {
  const server = await startServer({ ROLLCALL_FLUSH_MS: '60000', ROLLCALL_PARTITIONS: '2' })
  const at = Date.now()
  await inParallel(4, [...Array(BATCHES).keys()], async batch => {
    const events = Array.from({ length: EVENTS }, (_, n) => ({
      id: '1',
      sessionId: `v${batch}-${n}`,
      ts: at,
      page: '/',
    }))
    expect((await server.post('/events', events)).status).toBe(202)
  })
  await server.kill()
  const file = join(temporaryDirectory(), 'events.ndjson')
  writeFileSync(file, JSON.stringify({ id: '1', sessionId: 'ann', ts: at, page: '/' }))
  const { code, stdout } = await ended(
    rollcall(['replay', file], { ROLLCALL_DATA: server.data, ROLLCALL_PARTITIONS: '2', ROLLCALL_SHARDS: '2' }),
  )
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  const replayed = lines.filter(({ work }) => work === 'replay')
  expect(replayed.length).toBeGreaterThan(0)
  expect(replayed[0]).toEqual({
    ...{ work: 'replay', unit: 'entries' },
    ...{ done: expect.any(Number), total: expect.any(Number), since: expect.any(Number) },
  })
  expect([code, lines.at(-1).accepted]).toEqual([0, 1])
})
