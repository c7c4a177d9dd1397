import { isDeepStrictEqual } from 'node:util'
import type { Event } from '../../actors/event.ts'
import { KINDS } from '../../actors/kinds.ts'
import { sumUp } from '../../src/audience/statistics.ts'
import type { Audience } from '../../src/audience/sum.ts'
import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import type { Collection, Document, DocumentStore } from '../../src/documents/index.ts'
import { memoryDocuments } from '../../src/documents/memory.ts'
import type { Effect } from '../../src/effects/index.ts'
import { Partition } from '../../src/partition/partition.ts'
import { project, windowsIn } from '../../src/partition/projections.ts'
import { systemTime } from '../../src/time.ts'
import { type Heartbeat, statistics, viewers, viewingSessions } from '../support/heartbeat-oracle.ts'
import { type WebEvent, webSessions } from '../support/web-session-oracle.ts'
import { NOON } from './clock.ts'
import { streamerSessions } from './oracle.ts'
import type { Input } from './plan.ts'
import { RULES, SNAPSHOTS } from './shard.ts'

/** All that is left of a history. */
export interface Found {
  /** each of them was accepted, once or more often */
  inputs: Input[]
  /** by partition: the events of each entry */
  logs: Event[][][]
  audience: Audience
  documents: DocumentStore
  performed: ReadonlyMap<string, Effect>
  /** ms since noon */
  now: number
}

type Shown = Record<string, unknown>

/** Says in words what is not as the set of inputs, the log, and a run of the log without any disturbance have it. */
export async function differencesOf(found: Found): Promise<string[]> {
  const all = [await ofViewers(found), await ofVisits(found), await ofStreamers(found), await ofCleanRun(found)]
  return all.flat()
}

async function ofViewers({ inputs, audience, documents, now }: Found): Promise<string[]> {
  const beats = inputs.flatMap(input => ('beat' in input ? [input.beat as Heartbeat] : []))
  const counted = viewers(beats, NOON + now)
  const expected = new Map<string, Shown>()
  for (const [userId, runs] of viewingSessions(beats, RULES.gapMs))
    for (const { id, start, end } of runs) expected.set(id, { userId, start, end })
  const recorded = await documents.find('statistics', { filter: { partition: { $exists: false } } })
  const windows = recorded.map(
    ({ viewerCount, timestamp, countByUserGroup, countByViewingCountry }): [unknown, Shown] => [
      timestamp,
      { viewerCount, timestamp, countByUserGroup, countByViewingCountry },
    ],
  )
  return [
    ...differ('attendance', audience.all.attendance, counted.attendance),
    ...differ('alive', audience.all.alive, counted.alive),
    ...differ(
      'attendance of streams',
      new Map(audience.bySession.map(([id, { attendance }]) => [id, attendance]).sort() as [string, number][]),
      new Map(
        Object.entries(counted.bySession)
          .map(([id, { attendance }]) => [id, attendance])
          .sort() as [string, number][],
      ),
    ),
    ...differ('viewing sessions', byId(await documents.find('viewing-sessions', {})), expected),
    ...differ('statistics', new Map(windows), new Map(statistics(beats).map(record => [record.timestamp, record]))),
  ]
}

async function ofVisits({ inputs, documents }: Found): Promise<string[]> {
  const visits = inputs.flatMap(input => ('visit' in input ? [input.visit as WebEvent] : []))
  const sessions = webSessions(visits, RULES.inactivityMs)
  const expected = sessions.map(({ id, eventIds: _ids, ...session }): [string, Shown] => {
    return [id, { partyId: null, truncated: false, ...session }]
  })
  const chunks = await documents.find('web-events', { sort: { index: 1 } })
  const ids = chunks.flatMap(({ visitorId, events }) =>
    (events as { id: string; webSessionId: string }[]).map(
      ({ id, webSessionId }) => `${visitorId} ${id} of ${webSessionId}`,
    ),
  )
  const places = sessions.flatMap(({ id, visitorId, eventIds }) =>
    eventIds.map(each => `${visitorId} ${each} of ${id}`),
  )
  return [
    ...differ('web sessions', byId(await documents.find('web-sessions', {})), new Map(expected)),
    ...differ('web events', ids.sort(), places.sort()),
  ]
}

async function ofStreamers({ logs, documents }: Found): Promise<string[]> {
  const expected = logs.flatMap(entries => streamerSessions(entries.flat()))
  const sessions = (await documents.find('sessions', {})) as unknown as (Document & {
    status: { preset: string }
    statuses: { started?: string }
    rating: { current: number; currentCount: number }
  })[]
  const shown = sessions.map(({ _id: id, userId, title, active, status, statuses, showGoalPairs: goals, rating }) => ({
    ...{ id, userId, title, active, preset: status.preset, isStarted: statuses.started !== undefined, goals },
    ...{ rating: Math.round(rating.current * 1e6), ratings: rating.currentCount },
  }))
  const rounded = expected.map(each => ({ ...each, rating: Math.round(each.rating * 1e6) }))
  const inOrder = <T extends { id: string }>(all: T[]): T[] => all.sort((a, b) => (a.id < b.id ? -1 : 1))
  return differ('streamer sessions', inOrder(shown) as unknown, inOrder(rounded))
}

const COLLECTIONS: Collection[] = [
  'sessions',
  'viewing-sessions',
  'web-sessions',
  'web-events',
  'statistics',
  'stream-viewers',
  'actors',
]

/** The same logs applied once, by partitions that nothing disturbs: documents and effects have to be the same. */
async function ofCleanRun({ logs, documents, performed }: Found): Promise<string[]> {
  const clean = memoryDocuments({ time: systemTime })
  const effects = new Set<string>()
  for (const [partition, entries] of logs.entries()) {
    const store = memoryCheckpoints()
    const alone = new Partition(await store.claim(partition, 'clean'), KINDS, RULES, store, SNAPSHOTS)
    for (const [i, events] of entries.entries()) {
      const entry = { seq: i + 1, events }
      await alone.prepare([entry])
      alone.apply(entry)
    }
    const cut = alone.take()
    await project(clean, cut.writes, cut.seq)
    await sumUp(clean, windowsIn(cut.writes))
    for (const { id } of cut.effects) effects.add(id)
  }
  const toFollowers = [...performed.values()].filter(({ kind }) => kind === 'notify_followers_livestream_online')
  const toldOf = toFollowers.map(({ payload }) => String(payload.sessionId)).sort()
  const accounts = await documents.find('effects', {})
  const expected = [...effects].sort()
  // By a clock that is ahead it was too late for some.
  const inVain = new Set(accounts.filter(({ state }) => state === 'expired').map(({ _id }) => _id))
  const differences = [
    ...differ(
      'effects',
      [...performed.keys()].filter(id => !inVain.has(id)).sort(),
      expected.filter(id => !inVain.has(id)),
    ),
    ...differ('accounts of effects', accounts.map(({ _id }) => _id).sort(), expected),
    ...differ('sessions of which followers were told', toldOf, [...new Set(toldOf)]),
  ]
  for (const collection of COLLECTIONS) {
    const [shown, right] = [await documents.find(collection, {}), await clean.find(collection, {})]
    differences.push(...differ(`${collection} of a clean run`, byId(shown), byId(right)))
  }
  return differences
}

const byId = (documents: Document[]): Map<string, Shown> => new Map(documents.map(({ _id, ...rest }) => [_id, rest]))

function differ(name: string, found: unknown, expected: unknown): string[] {
  if (isDeepStrictEqual(found, expected)) return []
  if (Array.isArray(found) && Array.isArray(expected)) {
    const [missing, extra] = [
      expected.filter(each => !found.includes(each)),
      found.filter(each => !expected.includes(each)),
    ]
    if (missing.length + extra.length > 0) return [`${name}: ${show(missing)} are missing, ${show(extra)} are too many`]
  }
  if (!(found instanceof Map && expected instanceof Map)) return [`${name}: ${show(found)}, not ${show(expected)}`]
  const keys = new Set([...found.keys(), ...expected.keys()])
  return [...keys]
    .filter(key => !isDeepStrictEqual(found.get(key), expected.get(key)))
    .map(key => `${name}, ${key}: ${show(found.get(key))}, not ${show(expected.get(key))}`)
}

const show = (value: unknown): string => JSON.stringify(value instanceof Set ? [...value] : value) ?? 'nothing'
