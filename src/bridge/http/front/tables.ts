import { escaped } from '../../escaped.ts'
import { MOST_SESSIONS } from '../../looks.ts'
import type { Figures, PartitionFigures } from './figures.ts'
import { type Column, table } from './html.ts'
import type { LiveSession } from './sessions.ts'
import { between, number, ownerInWords, span, UNKNOWN } from './words.ts'

/** Partitions that are shown; of more, the first. */
const MOST_PARTITIONS = 256
const SESSION_COLUMNS: readonly Column[] = [
  { name: 'Streamer' },
  { name: 'Viewers', isNumber: true },
  { name: 'Title' },
  { name: 'Preset' },
  { name: 'Rating', isNumber: true },
  { name: 'For', isNumber: true },
]
const PARTITION_COLUMNS: readonly Column[] = [
  { name: 'Partition', isNumber: true },
  { name: 'Last commit', isNumber: true },
  { name: 'State' },
  { name: 'To apply', isNumber: true },
  { name: 'To commit', isNumber: true },
  { name: 'Effects', isNumber: true },
  { name: 'Parked', isNumber: true },
  { name: 'Epoch', isNumber: true },
]

/** The live sessions, a page of them. */
export function sessionsAsHtml({ sessions, at }: Pick<Figures, 'sessions' | 'at'>): string {
  if (!sessions) return `<p>${UNKNOWN}</p>`
  const { count, page, pages, shown } = sessions
  if (count === 0) return '<p>Nobody is live.</p>'
  const rows = shown.map(each => sessionRow(each, at))
  const more = count > MOST_SESSIONS ? `, of the first ${number(MOST_SESSIONS)}` : ''
  const to = (n: number, rel: string, text: string): string =>
    n < 1 || n > pages ? '' : `<a id="sessions-${rel}" rel="${rel}" href="?sessions=${n}">${text}</a>`
  const links = `<p class="pages">${to(page - 1, 'prev', 'Those before')} <span>Page ${number(page)} of ${number(pages)}${more}</span> ${to(page + 1, 'next', 'Those behind')}</p>`
  return table('sessions-table', SESSION_COLUMNS, rows) + (pages > 1 ? links : '')
}

function sessionRow(
  { id, streamer, title, preset, viewers, rating, ratings, since }: LiveSession,
  at: number,
): string[] {
  return [
    `<span title="${escaped(id)}">${escaped(streamer)}</span>`,
    `<span data-viewers="${escaped(id)}">${viewers === null ? '–' : number(viewers)}</span>`,
    escaped(title ?? ''),
    escaped(preset),
    ratings === 0 ? '' : `${number(Math.round(rating * 10) / 10)} <small>of ${number(ratings)}</small>`,
    since === null ? '' : span(at - Date.parse(since)),
  ]
}

/** The partitions, and who has them. */
export function partitionsAsHtml({ partitions, at }: Pick<Figures, 'partitions' | 'at'>): string {
  const rows = partitions.slice(0, MOST_PARTITIONS).map(each => partitionRow(each, at))
  const more =
    partitions.length > MOST_PARTITIONS ? `<p>The first ${MOST_PARTITIONS} of ${number(partitions.length)}.</p>` : ''
  return table('partitions-table', PARTITION_COLUMNS, rows) + more
}

function partitionRow(each: PartitionFigures, at: number): string[] {
  const { partition, stopped, accepted, applied, cut, committedAt, waiting, parked, epoch } = each
  const state = stopped === null ? '✓ goes on' : `<strong class="bad">✗ ${escaped(stopped)}</strong>`
  const known = [between(accepted, applied), between(applied, cut), committedAt === null ? null : at - committedAt]
  const [toApply, toCommit, since] = known as [number | null, number | null, number | null]
  const dash = (value: number | null, shown = number): string => (value === null ? '–' : shown(value))
  return [
    String(partition),
    dash(since, ms => `${span(ms)} ago`),
    `<span data-partition="${partition}">${state}</span>`,
    ...[dash(toApply), dash(toCommit)],
    ...[dash(waiting), dash(parked), dash(epoch)],
  ]
}

/** The process that owns the partitions, in a sentence. */
export function ownerAsHtml({ readiness: { owner } }: Pick<Figures, 'readiness'>): string {
  if (!owner) return '<p>No owner is known.</p>'
  const [who, standing] = ownerInWords(owner, escaped)
  return `<p>Owned by <span data-figure="owner">${who}</span>${standing}.</p>`
}
