/** How a replay shows itself while it runs: a bar for a person, JSON lines for a program. */
import { number, span } from '../../bridge/http/front/words.ts'
import { complain, foot, sayJson } from '../looking/print.ts'
import { bar } from '../looking/work.ts'
import type { Report } from './report.ts'

export interface ProgressDisplay {
  /** Prints a line on stderr. */
  warn(text: string): void
  stop(): void
}

/** On stderr. `totalBytes` is null where the length is unknown (stdin). */
export function showBar(report: Report, totalBytes: number | null): ProgressDisplay {
  const started = performance.now()
  const stand = foot()
  const text = (): string => {
    const share = totalBytes ? `${bar(Math.min(1, report.bytes / totalBytes))}  ` : ''
    const { accepted, badLines } = report
    return `${share}${number(accepted)} events  ${number(badLines)} bad lines  ${span(performance.now() - started)}`
  }
  const timer = setInterval(() => stand(text()), 100)
  return {
    warn: complain,
    stop() {
      clearInterval(timer)
      stand('')
      complain(text())
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
