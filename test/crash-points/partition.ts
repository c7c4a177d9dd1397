import type { Event } from '../../actors/event.ts'
import { KINDS } from '../../actors/kinds.ts'
import { seenAt } from '../../actors/viewer.ts'
import { memoryLiveSets } from '../../src/audience/memory.ts'
import { Sums } from '../../src/audience/sums.ts'
import type { Collection, DocumentStore } from '../../src/documents/index.ts'
import { laneOf } from '../../src/effects/history.ts'
import type { Effect, Receiver } from '../../src/effects/index.ts'
import { recordedChannels, recordedOutputs } from '../../src/notify/recorded.ts'
import type { Faults } from '../../src/observe/index.ts'
import type { Steps } from '../../src/observe/steps.ts'
import { Processor } from '../../src/partition/processor.ts'
import { receivers } from '../../src/receivers/table.ts'
import { allRecords } from '../support/all-records.ts'
import { allDocuments } from '../support/documents.ts'
import { history } from '../support/history.ts'
import { Random } from '../support/random.ts'
import { ManualTime, toldFaults } from '../support/time.ts'
import { passing, type Scene, STEP_MS } from './crash.ts'
import { lasting } from './lasting.ts'
import type { Place, Places, Stores } from './places.ts'

const RULES = { zone: 'Europe/Paris', inactivityMs: 1_800_000, gapMs: 60_000, lateMs: 3_600_000 }
const SNAPSHOTS = KINDS.map(({ kind }) => kind)
const GROUPS = [{ name: 'global', countries: [] }]
const FLUSH_MS = 50
/** A partition has nothing left to do when nothing changed for so many steps. */
const QUIET = 4
/** A feed has run by then that was asked for at the beginning. */
const FEED_MS = 30_000
/** Accounts of a kind that were there before, so that some have to go. */
const FORMER = 210
const KINDS_OF_FORMER = ['session.started', 'notify_followers_livestream_online']

/** A log of all kinds of actors, with the last beat of a viewer whose deadline comes while the partition runs. */
function inputs(): { entries: Event[][]; end: number } {
  const entries = history(new Random(11), 15).map(({ events }) => events)
  const last = entries.at(-1)!.at(-1)!.arrival
  const at = last + 1_000
  const fact = (kind: string, key: string, facts: object): Event => ({
    ...{ kind, key, id: `${kind}-${at}`, at, arrival: at },
    ...facts,
  })
  const visited = (minute: number): Event => {
    const visit = { id: `m${minute}`, ts: at - 3_600_000 + minute * 60_000, page: '/' }
    return { ...fact('web-event', 'joined', { visit }), id: visit.id, at: visit.ts }
  }
  const live = { sourceId: null, title: 'live', device: null, userTags: ['country:tw'], price: 0 }
  const goals = { showGoalPairs: [{ title: 'goal', price: 1 }], exclusiveGoalPairs: [] }
  // A checkpoint that was lost knew greater epochs than the one that there is.
  entries.push([fact('claim', '', { epoch: 1_000 })])
  entries.push(
    [fact('session.start', 'sam', { fresh: 'sam-1', ...live })],
    [fact('session.preset', 'sam', { sessionId: 'sam-1', preset: 'sd', price: 1 })],
    [fact('session.goals', 'sam', { sessionId: 'sam-1', ...goals })],
    [fact('heartbeat', 'late', { path: '/live/sam-1', country: 'TW', groups: [], stream: 'sam-1' })],
    [fact('session.end', 'sam', { sessionId: 'sam-1' })],
    [fact('session.start', 'pat', { fresh: 'pat-1', ...live })],
    // The last visit joins the two sessions of the others, one of which is then removed.
    ...[0, 40, 20].map(minute => [visited(minute)]),
  )
  return { entries, end: at }
}

/** Writes the users that effects are about, and accounts of many effects that were done before. */
async function fill(documents: DocumentStore): Promise<void> {
  for (const kind of KINDS_OF_FORMER) {
    const former = Array.from({ length: FORMER }, (_, i) => {
      const set = { kind, lane: laneOf(0, kind), partition: 0, seq: i - FORMER, index: 0 }
      return { id: `${kind} ${i}`, seq: 0, set }
    })
    await documents.upsertMany('effects', former)
  }
  const put = (collection: Collection, id: string, set: Record<string, unknown>): Promise<void> =>
    documents.upsertMany(collection, [{ id, seq: 0, set }])
  const rated = { statuses: { started: new Date(1) }, rating: { current: 4, currentCount: 2 } }
  await put('sessions', 'before', { userId: 'sam', ...rated })
  for (const streamer of ['sam', 'pat']) {
    await put('users', streamer, { username: streamer, country: 'TW' })
    for (const name of ['a', 'b']) await put('followers', `${streamer}\n${name}`, { followerId: name })
    const stale = { streamerId: streamer, userId: 'gone', seen: seenAt(streamer, 1), lastAt: 1, preset: 'sd' }
    await put('stream-viewers', `${streamer}\ngone`, stale)
  }
  for (const name of ['a', 'b', 'dead']) {
    await put('registrations', name, { userId: name === 'a' ? 'a' : 'b', kind: 'token', value: name })
  }
}

/** A partition with all that its process does: claim, replay, commits, effects with all receivers, answers, ticks. */
export function partitionScene(places: Places): () => Promise<Scene> {
  const { entries, end } = inputs()
  const begin = end + RULES.gapMs - 1_500
  const make = places(async ({ log, documents }, pass) => {
    for (const events of entries) {
      const appended = log.append(0, events)
      await pass(STEP_MS)
      await appended
    }
    await fill(documents)
  })
  return async () => sceneAt(await make(), { begin, end, inputs: entries.length })
}

function sceneAt(place: Place, { begin, end, inputs }: { begin: number; end: number; inputs: number }): Scene {
  let wall = begin
  /** every effect that the world was asked for, by its id */
  const performed = new Map<string, Effect>()

  const claim = ({ log, store, documents }: Stores, time: ManualTime, faults: Faults, steps: Steps) => {
    const receiverOf = receivers({
      ...{ documents, groups: GROUPS, channels: recordedChannels(), outputs: recordedOutputs(), time, steps },
      push: {
        send: async (_, to) => to.map(({ value }) => (value === 'dead' ? 'dead' : 'sent')),
        close: async () => {},
      },
      host: { generateFeed: async () => ({ generatedAt: end, items: 1 }), renewChannels: async () => {} },
      append: events => log.append(0, events),
    })
    const seen = (receiver: Receiver): Receiver => ({
      ...receiver,
      perform(effect, progress) {
        performed.set(effect.id, effect)
        return receiver.perform(effect, progress)
      },
    })
    return Processor.claim(0, {
      ...{ owner: 'test', kinds: KINDS, rules: RULES, log, store, documents, live: memoryLiveSets(time) },
      ...{ partitions: 1, snapshots: SNAPSHOTS, flushMs: FLUSH_MS, time, faults, steps },
      sums: new Sums({ documents, time, faults, steps }),
      receiverOf: kind => seen(receiverOf(kind)),
    })
  }

  return {
    async live(steps, died) {
      const time = new ManualTime(wall)
      const faults = toldFaults()
      const stores = await place.open(time)
      const until = <T>(work: Promise<T>): Promise<T> => passing(ms => place.pass(time, ms), work, died)
      const run = async (): Promise<void> => {
        const processor = await until(claim(stores, time, faults, steps))
        const { partition } = processor
        for (let quiet = 0, before = ''; quiet < QUIET; ) {
          await Promise.race([place.pass(time, STEP_MS), died])
          const { last } = await stores.log.bounds(0)
          const isIdle = partition.applied === last && !partition.isDirty && partition.outbox.size === 0
          const now = `${partition.applied} ${partition.claim.cut}`
          quiet = isIdle && now === before && time.now() > begin + FEED_MS ? quiet + 1 : 0
          before = now
        }
        await until(processor.drain())
      }
      try {
        await run()
      } finally {
        wall = time.now()
        await stores.close()
      }
      const odd = faults.all.map(([step, error]) => `${step}: ${error}`)
      if (odd.length > 0) throw new Error(odd.join('; '))
    },

    async remains() {
      const stores = await place.open(new ManualTime(wall))
      const { store, documents } = stores
      const isFormer = (name: string): boolean => KINDS_OF_FORMER.some(kind => name.startsWith(`effects ${kind} `))
      // A feed that is asked for again runs once more, or not, as its time has it.
      const isOfAFeed = (name: string): boolean => /\bfeed[/"]/.test(name)
      const records = [...(await allRecords(store, await store.claim(0, 'test')))]
      const shown = [...(await allDocuments(documents))]
      await stores.close()
      place.remove()
      return lasting(
        {
          records: records.filter(([name]) => !name.includes('"clock"') && !isOfAFeed(name)),
          documents: shown.filter(([name]) => !isFormer(name) && !isOfAFeed(name)),
          effects: [...performed.keys()].filter(id => !isOfAFeed(id)),
        },
        { begin, inputs },
      )
    },
  }
}
