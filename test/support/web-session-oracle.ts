/** What a set of web events says, computed from the whole set at once, however it arrived. */
export interface WebEvent {
  id: string
  sessionId: string
  ts: number
  page: string
  userId?: string
  partyId?: string
  source?: Record<string, string>
}

export interface WebSession {
  id: string
  visitorId: string
  day: string
  index: number
  openedBy: string
  firstEventAt: number
  firstPage: string
  eventCount: number
  pageViews: number
  singlePage: boolean
  userId: string | null
  eventIds: string[]
  lastEventAt: number
  lastPage: string
  durationMs: number
  source: Record<string, string> | null
  partyId?: string
}

const PARTS = ['source', 'medium', 'campaign', 'keyword', 'content']

type DayOf = (ts: number) => string

interface Rules {
  dayOf: DayOf
  inactivityOn: (day: string) => number
}

/** In UTC. */
export const dayOf: DayOf = ts => new Date(ts).toISOString().slice(0, 10)

const partsOf = (event: WebEvent): string => JSON.stringify(PARTS.map(part => event.source?.[part] ?? ''))

const pageOf = (event: WebEvent): string => event.page.replace(/[?#].*$/, '')

/** Of events with the same visitor, day and id, the first counts. */
export function webSessions(
  events: WebEvent[],
  inactivityMs: number | ((day: string) => number),
  dayOfEvent: DayOf = dayOf,
): WebSession[] {
  const identity = (event: WebEvent): string => JSON.stringify([event.sessionId, dayOfEvent(event.ts), event.id])
  const distinct = [...Map.groupBy(events, identity).values()].map(same => same[0] as WebEvent)
  const visitors = Map.groupBy(distinct, event => event.sessionId)
  const rules = {
    dayOf: dayOfEvent,
    inactivityOn: typeof inactivityMs === 'number' ? () => inactivityMs : inactivityMs,
  }
  return [...visitors].flatMap(([visitorId, own]) => sessionsOf(visitorId, own, rules))
}

function sessionsOf(visitorId: string, events: WebEvent[], rules: Rules): WebSession[] {
  const sessions: { openedBy: string; events: WebEvent[] }[] = []
  for (const event of events.sort((a, b) => a.ts - b.ts || (a.id < b.id ? -1 : 1))) {
    const current = sessions.at(-1)
    const openedBy = current ? reasonToOpen(current.events, event, rules) : 'first'
    if (current && openedBy === null) current.events.push(event)
    else sessions.push({ openedBy: openedBy ?? '', events: [event] })
  }
  const counted = new Map<string, number>()
  return sessions.map(({ openedBy, events }) => {
    const first = events[0] as WebEvent
    const last = events.at(-1) as WebEvent
    const day = rules.dayOf(first.ts)
    const index = (counted.get(day) ?? 0) + 1
    counted.set(day, index)
    const pageViews = events.filter((event, i) => i === 0 || pageOf(event) !== pageOf(events[i - 1] as WebEvent)).length
    const partyId = events.find(event => event.partyId)?.partyId
    const source = Object.entries(first.source ?? {}).filter(([, part]) => part !== '')
    return {
      id: `${visitorId}-${day}${index === 1 ? '' : `#${index}`}`,
      visitorId,
      day,
      index,
      openedBy,
      firstEventAt: first.ts,
      firstPage: first.page,
      eventCount: events.length,
      pageViews,
      singlePage: pageViews === 1,
      userId: events.find(event => event.userId)?.userId ?? null,
      eventIds: events.map(event => event.id),
      lastEventAt: last.ts,
      lastPage: last.page,
      durationMs: last.ts - first.ts,
      source: source.length > 0 ? Object.fromEntries(source) : null,
      ...(partyId && { partyId }),
    }
  })
}

function reasonToOpen(current: WebEvent[], event: WebEvent, { dayOf, inactivityOn }: Rules): string | null {
  const first = current[0] as WebEvent
  const last = current.at(-1) as WebEvent
  if (dayOf(event.ts) !== dayOf(last.ts)) return 'day'
  if (event.ts - last.ts > inactivityOn(dayOf(event.ts))) return 'inactivity'
  const isGiven = partsOf(event) !== JSON.stringify(PARTS.map(() => ''))
  if (isGiven && event.source?.source !== 'direct' && partsOf(event) !== partsOf(first)) return 'source'
  return null
}
