/** How a replay shows itself while it runs: a bar for a person, JSON lines for a program. */
import { SingleBar } from 'cli-progress'
import { complain, plain, sayJson } from '../looking/print.ts'
import type { Report } from './report.ts'

export interface ProgressDisplay {
  /** Prints a line on stderr without leaving half a bar behind. */
  warn(text: string): void
  stop(): void
}

const CLEAR_LINE = '\u001B[K'
const SAVE_POSITION = '\u001B7'

/** On stderr. `totalBytes` is null where the length is unknown (stdin). */
export function showBar(report: Report, totalBytes: number | null): ProgressDisplay {
  const share = totalBytes === null ? '' : '[{bar}] {percentage}%  '
  const bar = new SingleBar({
    format: `${share}{accepted} events  {badLines} bad lines  {duration_formatted}`,
    stream: process.stderr,
    forceRedraw: true,
    // Left to itself it would swallow the first Ctrl-C, in order to put the cursor and the wrapping back.
    gracefulExit: false,
    linewrap: true,
  })
  const update = () => bar.update(report.bytes, { accepted: report.accepted, badLines: report.badLines })
  bar.start(totalBytes ?? 0, 0, { accepted: 0, badLines: 0 })
  const timer = setInterval(update, 100)
  return {
    // The bar returns to the saved position when it stops: it is now a line further down.
    warn: text => process.stderr.write(`\r${CLEAR_LINE}${plain(text)}\n${SAVE_POSITION}`),
    stop() {
      clearInterval(timer)
      update()
      bar.stop()
    },
  }
}

/** On stdout, a line about every second; `progress` is the share of the files' bytes read, null where unknown. */
export function printProgress(report: Report, totalBytes: number | null): ProgressDisplay {
  const started = performance.now()
  const print = () => {
    const progress = totalBytes ? Math.round((report.bytes / totalBytes) * 1_000) / 1_000 : null
    const { events, accepted, badLines } = report
    sayJson({ progress, events, accepted, badLines, seconds: secondsSince(started) })
  }
  const timer = setInterval(print, 1_000)
  return { warn: complain, stop: () => clearInterval(timer) }
}

export const secondsSince = (started: number): number => Math.round(performance.now() - started) / 1_000
