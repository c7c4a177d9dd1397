/** The page of who is on duty as lines of text. */
import { type Figures, type PartitionFigures, WINDOW_MS, WINDOWS } from '../../bridge/http/front/figures.ts'
import {
  between,
  bytes,
  instant,
  latency,
  number,
  orUnknown,
  ownerInWords,
  ranges,
  span,
  taken,
  UNKNOWN,
} from '../../bridge/http/front/words.ts'
import { MOST_SESSIONS } from '../../bridge/looks.ts'
import { cell, table } from './table.ts'
import { workLine } from './work.ts'

/** Levels of a plot that is a line high. */
const LEVELS = ' ▁▂▃▄▅▆▇█'
/** Rows that a list has at least, however small the window is. */
const LEAST_ROWS = 3

/** As many lines as fit: what is wrong and the figures first, then partitions and sessions. */
export function glance(figures: Figures, rows: number): string[] {
  const { readiness, wrong, work, at } = figures
  const state = readiness.ready ? `✓ Ready${wrong.length > 0 ? ', but look at this' : ''}` : '✗ Not ready'
  const head = [
    `Rollcall  ${state}  ${instant(at)}`,
    ownerLine(figures),
    ...wrong.flatMap(({ code, text, help, command }) => [
      `! ${code ? `${code}: ` : ''}${cell(text)}`,
      `  ${help.replaceAll('`', '')}:  ${command}`,
    ]),
    ...work.map(each => `~ ${workLine(each, at)}`),
    '',
    ...numbers(figures),
    '',
    `Viewers, three hours  ${plotted(figures)}`,
    '',
  ]
  const partitions = partitionLines(figures)
  const room = Math.max(2 * LEAST_ROWS, rows - head.length - 1)
  const shown = fitting(partitions, Math.max(LEAST_ROWS, Math.floor(room / 2)))
  const { count = 0, shown: listed = [] } = figures.sessions ?? {}
  const sessions = fitting(sessionLines(figures), Math.max(LEAST_ROWS, room - shown.length), count - listed.length)
  return [...head, ...shown, '', ...sessions]
}

/** The first of the lines; where there are more, or as many `beyond` them, the last one says how many. */
function fitting(lines: string[], most: number, beyond = 0): string[] {
  if (beyond === 0 && lines.length <= most) return lines
  const shown = lines.slice(0, most - 1)
  return [...shown, `and ${number(lines.length - shown.length + beyond)} more`]
}

function ownerLine({ readiness: { owner } }: Figures): string {
  if (!owner) return 'No owner is known.'
  return `Owned by ${ownerInWords(owner, cell).join('')}`
}

function numbers(figures: Figures): string[] {
  const { viewers, sessions, beatsASecond, webSessionsAMinute, answers, effects, parked, disk } = figures
  const live = sessions?.count ?? null
  const count = live !== null && live > MOST_SESSIONS ? `over ${number(MOST_SESSIONS)}` : orUnknown(live)
  const times = answers ? `${latency(answers.p50Ms)} · ${latency(answers.p99Ms)} of ${number(answers.aSecond)}/s` : '-'
  const room = disk ? `${bytes(disk.freeBytes)} free, ${taken(disk)}` : '-'
  const oldest = effects?.oldestMs ? `, oldest ${span(effects.oldestMs)}` : ''
  const pairs = [
    ['Viewers', orUnknown(viewers?.alive), 'Live sessions', count],
    ['Beats a second', number(beatsASecond), 'Web sessions a minute', orUnknown(webSessionsAMinute)],
    ['Answers p50 · p99', times, 'Effects waiting', `${orUnknown(effects?.waiting)}${oldest}`],
    ['Parked effects', orUnknown(effects?.parked), 'Parked events', orUnknown(parked)],
  ].map(([a, b, c, d]) => `${a!.padEnd(18)} ${b!.padEnd(26)} ${c!.padEnd(22)} ${d}`)
  return [...pairs, `${'Disk'.padEnd(18)} ${room}`]
}

function plotted({ records, at }: Figures): string {
  if (!records) return UNKNOWN
  const counts = new Map(records.map(({ timestamp, viewerCount }) => [timestamp, viewerCount]))
  const last = Math.floor(at / WINDOW_MS) * WINDOW_MS
  const most = Math.max(1, ...counts.values())
  const levels = Array.from({ length: WINDOWS }, (_, i) => {
    const count = counts.get(last - (WINDOWS - 1 - i) * WINDOW_MS) ?? 0
    return LEVELS[count === 0 ? 0 : Math.max(1, Math.round((count / most) * (LEVELS.length - 1)))]
  })
  return `|${levels.join('')}|  at most ${number(Math.max(0, ...counts.values()))}`
}

/** Partitions that go on and have nothing to do are one line. */
function partitionLines({ partitions, at }: Figures): string[] {
  const isIdle = ({ stopped, accepted, cut, parked, waiting }: PartitionFigures): boolean =>
    stopped === null && (accepted ?? 0) <= (cut ?? 0) && !parked && !waiting
  const [idle, others] = [partitions.filter(isIdle), partitions.filter(each => !isIdle(each))]
  const dash = (value: number | null): string => (value === null ? '-' : number(value))
  const rows = others
    .toSorted((a, b) => Number(a.stopped === null) - Number(b.stopped === null) || a.partition - b.partition)
    .map(({ partition, stopped, accepted, applied, cut, committedAt, waiting, parked }) => [
      ...[
        String(partition),
        stopped === null ? 'goes on' : `✗ ${stopped}`,
        dash(between(accepted, applied)),
        dash(between(applied, cut)),
      ],
      ...[committedAt === null ? '-' : span(at - committedAt), orUnknown(waiting), orUnknown(parked)],
    ])
  const head = ['PARTITION', 'STATE', 'TO APPLY', 'TO COMMIT', 'LAST COMMIT', 'EFFECTS', 'PARKED']
  const rest =
    idle.length > 0 ? [`Partitions ${ranges(idle.map(({ partition }) => partition))} go on; all is committed.`] : []
  return [...rest, ...(rows.length > 0 ? table(head, rows).split('\n') : [])]
}

function sessionLines({ sessions, at }: Figures): string[] {
  if (!sessions) return [`Live sessions: ${UNKNOWN}`]
  if (sessions.count === 0) return ['Nobody is live.']
  const rows = sessions.shown.map(({ streamer, preset, viewers, rating, ratings, since, title }) => [
    ...[
      streamer,
      preset,
      viewers === null ? '-' : number(viewers),
      !ratings ? '-' : `${orUnknown(rating)} of ${number(ratings)}`,
    ],
    ...[since === null ? '-' : span(at - Date.parse(since)), title],
  ])
  return table(['STREAMER', 'PRESET', 'VIEWERS', 'RATING', 'FOR', 'TITLE'], rows).split('\n')
}
