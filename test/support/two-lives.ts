import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { Event } from '../../actors/event.ts'
import type { SaysOf } from '../../actors/kinds.ts'
import { type ShownVisit, webSessionOf } from '../../actors/visitor-day-documents.ts'
import { openDocuments } from '../../src/documents/embedded.ts'
import type { DocumentStore } from '../../src/documents/index.ts'
import type { Effect } from '../../src/effects/index.ts'
import { adoptVisitorDay } from '../../src/receivers/adopt-visitor-day.ts'
import { NOON, OnePartition } from './one-partition.ts'
import { type WebEvent, webSessions } from './web-session-oracle.ts'
import { progress } from './world.ts'

export const DAY = 86_400_000
/** Where the log of the second life begins: above every document of the first. */
export const ABOVE = 1_000_000

let path: string
/** The documents of both lives of a partition; the second begins with nothing else. */
export let documents: DocumentStore
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  documents = openDocuments({ path })
})
afterEach(async () => {
  await documents.close()
  rmSync(path, { recursive: true, force: true })
})

export let arrival = NOON
export const logged = ({ sessionId, ...visit }: WebEvent): Event => {
  arrival += 1_000
  return { kind: 'web-event', key: sessionId, id: visit.id, at: visit.ts, arrival, visit }
}

type Adopt = Effect<SaysOf<'visitor-day.adopt'>>

/** A partition in one of its lives, and what it asked the documents. */
export async function alive(one: OnePartition) {
  const asked: Adopt[] = []
  let taken = 0
  const run = async (...events: Event[]): Promise<void> => {
    await one.apply(...events)
    asked.push(...(one.effects.slice(taken).filter(({ kind }) => kind === 'visitor-day.adopt') as Adopt[]))
    taken = one.effects.length
  }
  /** Lets the documents answer the question that was asked first; false if there is none. */
  const answer = async (): Promise<boolean> => {
    const effect = asked.shift()
    if (!effect) return false
    const { answer } = await adoptVisitorDay({ documents }).perform(effect, progress())
    const key = effect.actor.slice('visitor/'.length)
    await run({ ...answer!, key, id: effect.id, at: arrival, arrival, effect: effect.id } as Event)
    return true
  }
  const settle = async (): Promise<void> => {
    while (await answer());
  }
  return { one, run, answer, settle, asked }
}

export const beforeThis = async (...events: WebEvent[]): Promise<void> =>
  (await alive(await OnePartition.claim({ documents }))).run(...events.map(logged))
export const fromThen = async () => alive(await OnePartition.adopting(ABOVE, { documents }))

/** The sessions as documents show them, with the ids of their events. */
export async function shown() {
  const sessions = await documents.find('web-sessions', {})
  const chunks = await documents.find('web-events', { sort: { index: 1 } })
  const days = Map.groupBy(chunks, ({ visitorId, day }) => `${visitorId}-${day}`)
  return sessions
    .sort((a, b) => Number(a.index) - Number(b.index))
    .map(webSessionOf)
    .map(session => {
      const chunks = days.get(`${session.visitorId}-${session.day}`)!
      const events = chunks.flatMap(({ events }) => events as ShownVisit[])
      const own = events.filter(({ webSessionId }) => webSessionId === session.id)
      return { ...session, eventIds: own.map(({ id }) => id) }
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}
export const expected = (...events: WebEvent[]) => webSessions(events, 1_800_000).sort((a, b) => (a.id < b.id ? -1 : 1))

export const visit = (id: string, ts: number, more: Partial<WebEvent> = {}): WebEvent => ({
  ...{ id, sessionId: 'v', ts, page: `/${id}` },
  ...more,
})
