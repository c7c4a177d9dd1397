/**
 * Preloaded by `node --import`, also into worker threads: ends the process by SIGKILL when the work comes to the point
 * DIE_AT for the DIE_AFTER-th time in a thread; of commits only those count that take effects along.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { Point } from '../../src/observe/steps.ts'

let left = Number(process.env.DIE_AFTER)

subscribe('rollcall:step', message => {
  const { point, about } = message as { point: Point; about: { effects?: unknown[] } | null }
  if (point !== process.env.DIE_AT || about?.effects?.length === 0) return
  left--
  if (left === 0) process.kill(process.pid, 'SIGKILL')
})
