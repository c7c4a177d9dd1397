/** A run of `rollcall replay`: the progress it shows and the summary at its end. */
import { stat } from 'node:fs/promises'
import { RollcallError } from '../../errors.ts'
import { type Shown, type Work, Works } from '../../observe/work.ts'
import { systemTime } from '../../time.ts'
import { say, sayJson } from '../looking/print.ts'
import { shownWork, showWork } from '../looking/work.ts'
import { showBehind } from './behind.ts'
import { Delivery } from './delivery.ts'
import { type Kind, kindsOfHits } from './pages.ts'
import { printProgress, secondsSince, showBar } from './progress.ts'
import { replay } from './replay.ts'
import { Report } from './report.ts'
import { Server } from './server.ts'

/** The bytes of all files, null if one has no length of its own. Refuses what cannot be replayed before anything is sent. */
export async function sizeOf(files: string[]): Promise<number | null> {
  let total: number | null = 0
  for (const file of files) {
    if (file === '-') {
      total = null
      continue
    }
    const stats = await stat(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw new RollcallError('RC_NOT_FOUND', `${file}: there is no such file`)
      throw error
    })
    if (stats.isDirectory()) throw new RollcallError('RC_INVALID_INPUT', `${file}: is a directory`)
    total = total === null || !stats.isFile() ? null : total + stats.size
  }
  return total
}

export interface ReplayOptions {
  /** how long one request may go on failing */
  retryMs: number
  token: string | undefined
  /** leave out hits that are no visits of pages */
  pagesOnly: boolean
}

/** Leaves 1 as the exit code when a file could not be read to its end, or has no line that could be used. */
export async function replayTo(
  url: string,
  files: string[],
  totalBytes: number | null,
  { retryMs, token, pagesOnly }: ReplayOptions,
): Promise<void> {
  const onTerminal = process.stderr.isTTY === true
  const report = new Report(text => progress.warn(text))
  const works = new Works(systemTime)
  const progress = (onTerminal ? showBar : printProgress)(report, totalBytes)
  const server = new Server(url, { retryMs, token, warn: text => progress.warn(text), time: systemTime })
  const delivery = new Delivery(server)
  const started = performance.now()
  const sent = replay(files, delivery, report, pagesOnly ? await kindsOfHits() : undefined)
  const visits = await sent.finally(() => progress.stop())
  const endWork = showWork(() => works.list, printWork, PRINTED_MS)
  let summary: Summary
  try {
    const endBehind = showBehind(server, works, systemTime)
    await visits.readable(delivery).finally(endBehind)
    const seconds = secondsSince(started)
    works.begin('counting', 'visitors', () => ({ done: visits.counted, total: visits.visitors }))
    const { events, accepted, badLines } = report
    const leftOut = pagesOnly ? { leftOut: report.leftOut } : {}
    const eventsPerSecond = Math.round(accepted / Math.max(seconds, 0.001))
    summary = { events, accepted, badLines, ...leftOut, ...(await visits.count(delivery)), seconds, eventsPerSecond }
  } finally {
    endWork()
  }
  if (onTerminal && process.stdout.isTTY) say(readable(summary))
  else sayJson(summary)
  if (report.unreadable.length > 0 || report.unusable.length > 0) process.exitCode = 1
}

/** How often a line says how far it is. */
const PRINTED_MS = 1_000

/** How the long work of a Rollcall in this process is shown. */
export const shownOwn = (): Shown => shownWork(printWork, PRINTED_MS)

const printWork = ({ name, ...far }: Work): void => sayJson({ work: name, ...far })

interface Summary {
  events: number
  accepted: number
  badLines: number
  /** of each kind, with --pages-only */
  leftOut?: Record<Kind, number>
  visitors: number
  sessions: number
  pageViews: number
  /** until all events were readable */
  seconds: number
  eventsPerSecond: number
}

const readable = ({ visitors, sessions, pageViews, leftOut, badLines, ...rest }: Summary): string =>
  [
    `${count(rest.accepted, 'event')} of ${count(visitors, 'visitor')}, readable after ${rest.seconds} s ` +
      `(${rest.eventsPerSecond.toLocaleString('en')} a second)`,
    `${count(sessions, 'web session')}, ${count(pageViews, 'page view')}`,
    ...(leftOut ? [leftOutLine(leftOut)] : []),
    ...(badLines > 0 ? [`${count(badLines, 'line')} could not be used`] : []),
  ].join('\n')

const leftOutLine = ({ staticFiles, methods, errors, bots }: Record<Kind, number>): string =>
  `left out: ${count(staticFiles, 'static file')}, ${methods.toLocaleString('en')} by method, ` +
  `${errors.toLocaleString('en')} with 4xx or 5xx, ${bots.toLocaleString('en')} by bots`

const count = (n: number, noun: string): string => `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`
