/** A run of `rollcall simulate`: the evening to a server or into a file, and what is said at its end. */
import { writeFile } from 'node:fs/promises'
import { systemTime } from '../../time.ts'
import { complain, say, sayJson } from '../looking/print.ts'
import { Server } from '../replay/server.ts'
import { type EveningOptions, planEvening } from './evening.ts'
import { type SimulationSummary, sendEvening } from './send.ts'
import { eveningLog } from './visits.ts'

/** A request without an answer ends after 30 s; it is tried for as long again. */
const RETRY_MS = 60_000

export async function writeLog(file: string, options: EveningOptions): Promise<void> {
  const lines = eveningLog(options)
  await writeFile(
    file,
    lines.map(line => `${line}\n`),
  )
  const summary = { file, lines: lines.length, visitors: options.viewers }
  if (process.stdout.isTTY) say(`${file}: ${lines.length} requests of ${options.viewers} visitors`)
  else sayJson(summary)
}

export async function playTo(url: string, token: string | undefined, options: EveningOptions): Promise<void> {
  const server = new Server(url, { retryMs: RETRY_MS, token, warn: complain, time: systemTime })
  const summary = await sendEvening(planEvening(options), server)
  if (process.stdout.isTTY) say(readable(summary))
  else sayJson(summary)
}

function readable(summary: SimulationSummary): string {
  const { users, streams: started, ended, heartbeats, ratings, follows, earnings, viewers, sessions } = summary
  const { alive, attendance, bySession } = viewers
  const streams = sessions.sessions.map(({ id, title, rating }) => {
    const here = (Object.hasOwn(bySession, id) && bySession[id]) || { alive: 0, attendance: 0 }
    const rated =
      rating && rating.currentCount > 0 ? `rated ${rating.current.toFixed(2)} by ${rating.currentCount}` : 'not rated'
    return `  ${id}  ${title ?? '-'}: ${here.alive} watching, ${here.attendance} were here, ${rated}`
  })
  return [
    `Sent ${heartbeats} heartbeats, ${ratings} ratings, ${follows} follows and ${earnings} tips of ${users} users.`,
    `${started} streams were started, ${ended} of them ended.`,
    `${alive} viewers now, ${attendance} ever. Live:`,
    ...streams,
  ].join('\n')
}
