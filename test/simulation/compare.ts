import { isDeepStrictEqual } from 'node:util'
import { KINDS } from '../../actors/kinds.ts'
import { sumUp } from '../../src/audience/statistics.ts'
import type { Audience } from '../../src/audience/sum.ts'
import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import type { Document, DocumentStore } from '../../src/documents/index.ts'
import { memoryDocuments } from '../../src/documents/memory.ts'
import type { Effect } from '../../src/effects/index.ts'
import { partitionOf } from '../../src/log/partition-of.ts'
import { Partition } from '../../src/partition/partition.ts'
import { project, windowsIn } from '../../src/partition/projections.ts'
import { recover } from '../../src/partition/recovery.ts'
import { systemTime } from '../../src/time.ts'
import { type Heartbeat, statistics, streamOf, viewers, viewingSessions } from '../support/heartbeat-oracle.ts'
import { type WebEvent, webSessions } from '../support/web-session-oracle.ts'
import { NOON } from './clock.ts'
import type { LiveModel } from './live.ts'
import { dayRulesOf, streamerSessions } from './oracle.ts'
import { COLLECTIONS, type Era, PARTITIONS } from './places.ts'
import type { Input } from './plan.ts'
import type { FormerEra } from './run.ts'
import { RULES, SNAPSHOTS } from './shard.ts'

/** All that is left of a history. */
export interface Found {
  /** each of them was accepted, once or more often, in the last era */
  inputs: Input[]
  era: Era
  /** the one before; null: nothing was ever lost */
  former: FormerEra | null
  audience: Audience
  documents: DocumentStore
  live: LiveModel
  performed: ReadonlyMap<string, Effect>
  /** ms since noon */
  now: number
}

type Shown = Record<string, unknown>

/** Says in words what is not as the set of inputs, the log, and a run of the log without any disturbance have it. */
export async function differencesOf(found: Found): Promise<string[]> {
  const all = [
    await ofViewers(found),
    ofLiveSets(found),
    await ofVisits(found),
    await ofStreamers(found),
    await ofCleanRun(found),
  ]
  return all.flat()
}

const beatsOf = (inputs: Input[]): Heartbeat[] =>
  inputs.flatMap(input => ('beat' in input ? [input.beat as Heartbeat] : []))

async function ofViewers({ inputs, era, audience, documents, now }: Found): Promise<string[]> {
  const beats = beatsOf(inputs)
  const counted = viewers(beats, NOON + now)
  const expected = new Map<string, Shown>()
  const sessions = byId(await documents.find('viewing-sessions', {}))
  // Viewers are not adopted: their sessions from before a loss stay as they are, or become a part of others.
  for (const [id, , { userId, start, end }] of era.documents.get('viewing-sessions') ?? [])
    if (sessions.has(id)) expected.set(id, { userId, start, end })
  for (const [userId, runs] of viewingSessions(beats, RULES.gapMs))
    for (const { id, start, end } of runs) expected.set(id, { userId, start, end })
  const recorded = await documents.find('statistics', { filter: { partition: { $exists: false } } })
  const windows = recorded.map(
    ({ viewerCount, timestamp, countByUserGroup, countByViewingCountry }): [unknown, Shown] => [
      timestamp,
      { viewerCount, timestamp, countByUserGroup, countByViewingCountry },
    ],
  )
  const ofStreams = (of: 'alive' | 'attendance', counts: [string, Record<typeof of, number>][]) =>
    new Map(counts.map(([id, count]): [string, number] => [id, count[of]]).sort())
  return [
    ...differ('attendance', audience.all.attendance, counted.attendance),
    ...differ('alive', audience.all.alive, counted.alive),
    ...(['alive', 'attendance'] as const).flatMap(of =>
      differ(`${of} of streams`, ofStreams(of, audience.bySession), ofStreams(of, Object.entries(counted.bySession))),
    ),
    ...differ('viewing sessions', sessions, expected),
    ...differ('statistics', new Map(windows), new Map(statistics(beats).map(record => [record.timestamp, record]))),
  ]
}

/** The copies for other services: who is alive and where, and who ever attended what. */
function ofLiveSets({ inputs, live, now }: Found): string[] {
  const beats = beatsOf(inputs)
  const since = NOON + now - 65_000
  const streams = [...new Set(beats.map(({ path }) => streamOf(path)).filter(stream => stream !== undefined))]
  const newest = [...Map.groupBy(beats, ({ userId }) => userId).values()].map(
    own => own.sort((a, b) => a.at - b.at).at(-1)!,
  )
  const alive = newest.filter(({ at }) => at >= since)
  const usersOf = (some: Heartbeat[]): string[] => [...new Set(some.map(({ userId }) => userId))].sort()
  const on = (stream: string, some: Heartbeat[]) => some.filter(({ path }) => streamOf(path) === stream)
  const attended = (stream: string | null): string[] => [...(live.attended.get(stream) ?? [])].sort()
  return [
    ...differ('the live set of who is alive', live.alive(since), usersOf(alive)),
    ...differ('the live set of who attended', attended(null), usersOf(beats)),
    ...streams.flatMap(stream => [
      ...differ(`the live set of who is on ${stream}`, live.alive(since, stream), usersOf(on(stream, alive))),
      ...differ(`the live set of who attended ${stream}`, attended(stream), usersOf(on(stream, beats))),
    ]),
  ]
}

async function ofVisits({ inputs, era, documents }: Found): Promise<string[]> {
  const visits = inputs.flatMap(input => ('visit' in input ? [input.visit as WebEvent] : []))
  const visitors = Map.groupBy(visits, ({ sessionId }) => sessionId)
  const sessions = [...visitors].flatMap(([visitor, own]) => {
    const log = era.logs[partitionOf(visitor, PARTITIONS)]!
    const { inactivityOn, dayOf } = dayRulesOf(
      visitor,
      era.rules,
      log.flatMap(({ events }) => events),
    )
    return webSessions(own, inactivityOn, dayOf)
  })
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

type ShownDocument = Document & {
  status: { preset: string }
  statuses: { started?: string }
  rating: { current: number; currentCount: number }
}

function shownSession(document: Document) {
  const { _id: id, userId, title, active, status, statuses, showGoalPairs: goals, rating } = document as ShownDocument
  return {
    ...{ id, userId, title, active, preset: status.preset, isStarted: statuses.started !== undefined, goals },
    ...{ rating: Math.round(rating.current * 1e6), ratings: rating.currentCount },
  }
}

/** Sessions that the last era made or went on with; of all others there are the documents as it found them. */
async function ofStreamers({ era, documents }: Found): Promise<string[]> {
  const all = await documents.find('sessions', {})
  const earlier = (era.documents.get('sessions') ?? []).map(([id, , set]) => shownSession({ _id: id, ...set }))
  const made = era.logs.flatMap(entries => streamerSessions(entries.flatMap(({ events }) => events)))
  const rounded = made.map(each => ({ ...each, rating: Math.round(each.rating * 1e6) }))
  const expected = new Map([...earlier, ...rounded].map(each => [each.id, each]))
  return differ('streamer sessions', new Map(all.map(each => [each._id, shownSession(each)])), expected)
}

/** A calm run over the log of an era: the documents, and the effects that were asked for. */
async function cleanRun(era: Era): Promise<{ documents: DocumentStore; effects: Set<string> }> {
  const documents = memoryDocuments({ time: systemTime })
  for (const [collection, held] of era.documents)
    await documents.upsertMany(
      collection,
      held.map(([id, seq, set]) => ({ id, seq, set })),
    )
  const effects = new Set<string>()
  for (const [partition, entries] of era.logs.entries()) {
    const store = memoryCheckpoints()
    const origin = era.origins[partition]
    if (origin) await store.commit(await store.claim(partition, 'before'), origin.cut, origin.delta)
    const claim = await store.claim(partition, 'clean')
    const alone = new Partition(claim, KINDS, { ...RULES, ...era.rules }, store, SNAPSHOTS)
    await recover(alone, store)
    for (const entry of entries) {
      if (entry.seq <= claim.cut) continue
      await alone.prepare([entry])
      alone.apply(entry)
    }
    const cut = alone.take()
    await project(documents, cut.writes, cut.seq)
    await sumUp(documents, windowsIn(cut.writes))
    for (const { id } of cut.effects) effects.add(id)
  }
  return { documents, effects }
}

/** Documents that are not put there by others. */
const OWN = { filter: { isForeign: { $exists: false } } }

/** The same logs applied once, by partitions that nothing disturbs: documents and effects have to be the same. */
async function ofCleanRun({ era, former, documents, performed }: Found): Promise<string[]> {
  const { documents: clean, effects } = await cleanRun(era)
  // Effects that were not performed before a loss are lost with it.
  const before = new Set(former ? (await cleanRun(former)).effects : [])
  const toFollowers = [...performed.values()].filter(({ kind }) => kind === 'notify_followers_livestream_online')
  const toldOf = toFollowers.map(({ payload }) => String(payload.sessionId)).sort()
  const accounts = (await documents.find('effects', {})).filter(({ _id }) => !former?.accounts.has(_id))
  const expected = [...effects].sort()
  // By a clock that is ahead it was too late for some.
  const inVain = new Set(accounts.filter(({ state }) => state === 'expired').map(({ _id }) => _id))
  const differences = [
    ...differ(
      'effects',
      [...performed.keys()].filter(id => !inVain.has(id) && !former?.performed.has(id)).sort(),
      expected.filter(id => !inVain.has(id)),
    ),
    ...differ(
      'effects before the loss',
      [...(former?.performed ?? [])].filter(id => !before.has(id)),
      [],
    ),
    ...differ('accounts of effects', accounts.map(({ _id }) => _id).sort(), expected),
    ...differ('sessions of which followers were told', toldOf, [...new Set(toldOf)]),
  ]
  for (const collection of COLLECTIONS) {
    const [shown, right] = [await documents.find(collection, OWN), await clean.find(collection, OWN)]
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
