import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { alive, ask, fill, readable, sendBatch } from './http/crowd.ts'
import { rollcall } from './measure.ts'
import { keep } from './results.ts'

/**
 * How long a process takes to be ready with so many viewers, by hand: after a kill -9 and after a clean restart, from its
 * start until /readyz is 200, /viewers is exact, and a beat of a former viewer is readable; gate 4 s, goal 1 s.
 */
const VIEWERS = Number(process.env.BENCH_VIEWERS ?? 500_000)
const LATE_MS = 180_000
const EVERY_MS = 20

const data = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
const start = () => rollcall({ ROLLCALL_DATA: data })

async function until(what: string, is: () => Promise<boolean>): Promise<void> {
  for (const late = performance.now() + LATE_MS; !(await is()); await pause(EVERY_MS))
    if (performance.now() > late) throw new Error(`${what}: not after ${LATE_MS / 1_000} s`)
}

let server = await start()
await until('ready at first', async () => (await ask(server.url, '/readyz')).status === 200)
await fill(server.url, VIEWERS)
const found: Record<string, Record<string, number>> = {}
for (const [name, signal] of [
  ['kill -9', 'SIGKILL'],
  ['clean restart', undefined],
] as const) {
  const before = await alive(server.url)
  if (before !== VIEWERS) throw new Error(`${before} of ${VIEWERS} viewers are alive before it`)
  await server.stop(signal)
  const began = performance.now()
  const seconds = (): number => (performance.now() - began) / 1_000
  server = await start()
  const listening = seconds()
  await until('/readyz', async () => (await ask(server.url, '/readyz')).status === 200)
  const ready = seconds()
  await until('/viewers', async () => (await alive(server.url)) === VIEWERS)
  const exact = seconds()
  await readable(server.url, await sendBatch(server.url, 0, 1))
  found[name] = { listening, ready, exact, beatReadable: seconds() }
}
await server.stop()
rmSync(data, { recursive: true })
keep('ready', { viewers: VIEWERS, gate: 4, goal: 1, seconds: found })
process.exit()
