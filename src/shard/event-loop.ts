import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks'
import type { Reading } from '../observe/meter.ts'

/** How long a timer may be late is seen by one that rings so often. */
const RESOLUTION_MS = 20

/** The metrics of this thread's event loop and heap, from here on. */
export function eventLoop(): () => Reading[] {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  let collectedMs = 0
  const observer = new PerformanceObserver(list => {
    for (const { duration } of list.getEntries()) collectedMs += duration
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => {
    const longest = Math.max(0, delay.max / 1e9 - RESOLUTION_MS / 1_000)
    delay.reset()
    return [
      { name: 'rollcall_shard_event_loop_delay_seconds', labels: {}, value: longest },
      {
        name: 'rollcall_shard_busy_seconds_total',
        labels: {},
        value: performance.eventLoopUtilization().active / 1_000,
      },
      { name: 'rollcall_shard_gc_seconds_total', labels: {}, value: collectedMs / 1_000 },
      { name: 'rollcall_shard_heap_bytes', labels: {}, value: process.memoryUsage().heapUsed },
    ]
  }
}
