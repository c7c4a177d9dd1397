import { setTimeout as pause } from 'node:timers/promises'
import { fill } from './http/crowd.ts'
import { kilobytes, rollcall } from './measure.ts'
import { keep } from './results.ts'

/** Memory a viewer, by hand: RssAnon of the process over that of an empty one, in bytes; gate 1.5 kB, goal 0.4. */
const VIEWERS = (process.env.BENCH_VIEWERS ?? '200000,500000').split(',').map(Number)
const SETTLES_MS = 5_000

const found: { viewers: number; emptyKiB: number; fullKiB: number; bytesAViewer: number }[] = []
for (const viewers of VIEWERS) {
  const server = await rollcall()
  await pause(SETTLES_MS)
  const empty = kilobytes(server.pid, 'RssAnon')
  await fill(server.url, viewers)
  await pause(SETTLES_MS)
  const full = kilobytes(server.pid, 'RssAnon')
  found.push({ viewers, emptyKiB: empty, fullKiB: full, bytesAViewer: ((full - empty) * 1_024) / viewers })
  await server.stop()
}
keep('memory', { gate: 1_500, goal: 400, found })
process.exit()
