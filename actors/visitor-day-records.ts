import type { Standing, VisitorDay } from '../machines/visitor-day.ts'
import type { Chunk } from '../machines/visits.ts'
import type { WebSession } from '../machines/web-sessions.ts'
import type { Part } from './index.ts'

/**
 * A visitor's day in the checkpoint: its head, a record for each chunk of visits, and one for each page of sessions, so
 * that an event in order rewrites small records alone however long the day is.
 */

/** Sessions that share a record. */
const PAGE = 256

interface Page {
  sessions: readonly WebSession[]
  standings: readonly Standing[]
}

const pagesOf = ({ sessions }: VisitorDay): number => Math.ceil(sessions.length / PAGE)

const pageOf = ({ sessions, standings }: VisitorDay, page: number): Page => ({
  sessions: sessions.slice(page * PAGE, (page + 1) * PAGE),
  standings: standings.slice(page * PAGE, (page + 1) * PAGE),
})

function isSamePage(former: VisitorDay, day: VisitorDay, page: number): boolean {
  const end = Math.min((page + 1) * PAGE, Math.max(day.sessions.length, former.sessions.length))
  for (let i = page * PAGE; i < end; i++) {
    if (former.sessions[i] !== day.sessions[i] || former.standings[i] !== day.standings[i]) return false
  }
  return true
}

/** The records that differ; with `day` undefined all of them go. */
export function changedRecords(name: string, former: VisitorDay | undefined, day: VisitorDay | undefined): Part[] {
  if (former === day) return []
  const parts: Part[] = []
  const put = (record: string[], value: unknown): void => void parts.push({ names: ['day', name, ...record], value })
  if (day) {
    const { chunks, sessions: _sessions, standings: _standings, isInline: _, ...head } = day
    put([], { ...head, chunks: chunks.length })
  } else put([], undefined)
  const chunks = day?.chunks ?? []
  for (const [i, chunk] of chunks.entries()) if (former?.chunks[i] !== chunk) put([`${i}`], chunk)
  for (let i = chunks.length; i < (former?.chunks.length ?? 0); i++) put([`${i}`], undefined)
  const pages = day ? pagesOf(day) : 0
  for (let i = 0; day && i < pages; i++) {
    if (!former || former.isInline || !isSamePage(former, day, i)) put([`s${i}`], pageOf(day, i))
  }
  // A day that is in its head has no pages that could go.
  for (let i = pages; former && !former.isInline && i < pagesOf(former); i++) put([`s${i}`], undefined)
  return parts
}

/** The day with one of its records, in whatever order they are loaded. */
export function withRecord(day: VisitorDay | undefined, record: string | undefined, value: unknown): VisitorDay {
  const { chunks = [], sessions = [], standings = [], ...head } = day ?? ({} as VisitorDay)
  if (record === undefined) {
    // The first version kept the sessions here.
    const { sessions: inline, standings: inlineStandings, ...own } = value as VisitorDay
    const kept = inline
      ? { sessions: inline, standings: inlineStandings, isInline: true as const }
      : { sessions, standings }
    return { ...own, ...kept, chunks }
  }
  if (!record.startsWith('s'))
    return { ...head, sessions, standings, chunks: withItems(chunks, Number(record), [value as Chunk]) }
  const page = value as Page
  const start = Number(record.slice(1)) * PAGE
  return {
    ...head,
    chunks,
    sessions: withItems(sessions, start, page.sessions),
    standings: withItems(standings, start, page.standings),
  }
}

function withItems<T>(list: readonly T[], start: number, items: readonly T[]): T[] {
  const copy = [...list]
  for (const [i, item] of items.entries()) copy[start + i] = item
  return copy
}
