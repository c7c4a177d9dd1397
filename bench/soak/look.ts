import { isDeepStrictEqual } from 'node:util'
import { streamerSessions } from '../../test/simulation/oracle.ts'
import { statistics, viewers, viewingSessions } from '../../test/support/heartbeat-oracle.ts'
import { type Body, inParallel } from '../../test/support/server.ts'
import { webSessions } from '../../test/support/web-session-oracle.ts'
import type { Client } from './client.ts'
import type { Traffic } from './traffic.ts'

const INACTIVITY_MS = 1_800_000
/** Viewers alive are counted by whole seconds. */
const ALIVE_STEP_MS = 1_000
const WIDTH = 8
const SHOWN = 400

/** Says in words what one process answers otherwise than what was sent to all of them has it. */
export class Look {
  readonly differences: string[] = []
  readonly #traffic: Traffic
  readonly #client: Client
  readonly #url: string

  constructor(traffic: Traffic, client: Client, url: string) {
    this.#traffic = traffic
    this.#client = client
    this.#url = url
  }

  async all(): Promise<void> {
    await this.#ofViewers()
    await this.#ofViewingSessions()
    await this.#ofVisits()
    await this.#ofStreamers()
    await this.#ofOperator()
  }

  #read(path: string): Promise<Body> {
    return this.#client.read(this.#url, path)
  }

  #readAll(path: string, of: string): Promise<Body[]> {
    return this.#client.readAll(this.#url, path, of)
  }

  #compare(name: string, found: unknown, expected: unknown): void {
    if (isDeepStrictEqual(found, expected)) return
    const show = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, SHOWN)
    this.differences.push(`${name}: ${show(found)}, not ${show(expected)}`)
  }

  /** As `#compare`, but names what differs by its id, and of each the fields. */
  #compareById(name: string, found: Body[], expected: Body[]): void {
    const [there, right] = [found, expected].map(all => new Map(all.map(each => [each.id, each])))
    for (const id of new Set([...there!.keys(), ...right!.keys()])) {
      const [is, should] = [there!.get(id), right!.get(id)]
      if (!is || !should) this.#compare(`${name} ${id}`, is, should)
      else
        for (const field of new Set([...Object.keys(is), ...Object.keys(should)]))
          this.#compare(`${field} of ${name} ${id}`, is[field], should[field])
    }
    this.#compare(`number of ${name}s`, found.length, expected.length)
  }

  async #ofViewers(): Promise<void> {
    const { beats } = this.#traffic
    const before = Date.now() - ALIVE_STEP_MS
    const { attendance, alive } = await this.#read('/viewers')
    const counted = viewers(beats, before)
    this.#compare('attendance', attendance, counted.attendance)
    const fewest = viewers(beats, Date.now() + ALIVE_STEP_MS).alive
    if (alive < fewest || alive > counted.alive) this.#compare('alive', alive, [fewest, counted.alive])
    await inParallel(WIDTH, Object.entries(counted.bySession), async ([id, expected]) => {
      const found = await this.#read(`/sessions/${id}/viewers`)
      this.#compare(`attendance of ${id}`, found.attendance, expected.attendance)
    })
    const expected = statistics(beats).map(record => ({ id: record.timestamp, ...record }))
    const found = await this.#readAll('/statistics?from=0&to=9999999999999', 'records')
    const named = found.map(record => ({ id: record.timestamp, ...record }))
    this.#compareById('window', named, expected)
  }

  async #ofViewingSessions(): Promise<void> {
    await inParallel(WIDTH, viewingSessions(this.#traffic.beats), async ([userId, expected]) => {
      const found = await this.#readAll(`/users/${userId}/viewing-sessions`, 'viewingSessions')
      this.#compareById('viewing session', found, expected)
    })
  }

  async #ofVisits(): Promise<void> {
    const { visits } = this.#traffic
    const sent = new Map(visits.map(visit => [visit.id, visit]))
    const visitors = Map.groupBy(webSessions(visits, INACTIVITY_MS), ({ visitorId }) => visitorId)
    await inParallel(WIDTH, visitors, async ([visitorId, expected]) => {
      const found = await this.#readAll(`/web-sessions?visitor=${visitorId}`, 'webSessions')
      this.#compareById('web session', found, expected)
      for (const { id, eventIds } of expected) {
        const events = await this.#readAll(`/web-sessions/${encodeURIComponent(id)}/events`, 'events')
        const right = eventIds.map(eventId => ({ ...sent.get(eventId)!, webSessionId: id }))
        this.#compareById('web event', events, right)
      }
    })
  }

  async #ofStreamers(): Promise<void> {
    const expected = streamerSessions(this.#traffic.commands)
    const found = await this.#readAll('/sessions', 'sessions')
    const shown = found.map(({ id, userId, title, active, status, statuses, showGoalPairs: goals, rating }) => ({
      ...{ id, userId, title: title ?? null, active, preset: status.preset, goals },
      ...{ isStarted: statuses.started !== undefined, rating: rating.current, ratings: rating.currentCount },
    }))
    const rounded = (all: Body[]): Body[] => all.map(each => ({ ...each, rating: Math.round(each.rating * 1e6) }))
    this.#compareById('streamer session', rounded(shown), rounded(expected))
  }

  /** Nothing is parked, and soon nothing waits. */
  async #ofOperator(): Promise<void> {
    this.#compare('parked', await this.#readAll('/parked', 'parked'), [])
    this.#compare('parked effects', await this.#readAll('/effects?state=parked', 'effects'), [])
    const until = performance.now() + 60_000
    for (let waiting: Body[] = [{}]; waiting.length > 0; ) {
      waiting = await this.#readAll('/effects?state=waiting', 'effects')
      if (performance.now() > until) return this.#compare('waiting effects', waiting, [])
    }
  }
}
