import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AnyStateMachine, createActor, type Snapshot } from 'xstate'
import type { Event } from '../actors/event.ts'
import { splitId } from '../actors/index.ts'
import { KINDS } from '../actors/kinds.ts'
import { feed, streamerSession, viewer, visitor } from '../machines/index.ts'
import { openDocuments } from '../src/documents/embedded.ts'
import type { Document, DocumentStore } from '../src/documents/index.ts'
import { openMongoDocuments } from '../src/documents/mongo.ts'
import { FreshDatabase, mongodbServer } from './support/mongodb-server.ts'
import { MINUTE, NOON, OnePartition, tick } from './support/one-partition.ts'

const MACHINES: Record<string, AnyStateMachine> = { viewer, visitor, 'streamer-session': streamerSession, feed }
const ALL = KINDS.map(({ kind }) => kind)
const ODD = 'a.$b/c\u00e9'

const at = (kind: string, key: string, id: string, when: number, facts: object): Event => ({
  ...{ kind, key, id, at: when, arrival: when },
  ...facts,
})
const pageView = (key: string, id: string, ts: number): Event =>
  at('web-event', key, id, ts, { visit: { id, ts, page: `/${id}`, source: { source: '$a.b' } } })
const start = { fresh: 's1', sourceId: null, title: '$set', device: null, userTags: [], price: 0 }
const beat = { path: '/live/s1', stream: 's1', country: 'TW', groups: ['$g'] }
const EVENTS: Event[] = [
  at('session.start', 'sam', 'x1', NOON, start),
  at('session.rate', 'sam', 'x2', NOON + 1, { sessionId: 's1', rater: ODD, score: 4 }),
  at('heartbeat', ODD, '', NOON + 2, beat),
  pageView(ODD, 'e1', NOON + 3),
  pageView('eve', 'e2', NOON + 4),
  at('feed.request', 'global', 'x3', NOON + 5, {}),
  tick(NOON + MINUTE),
]

interface Opened {
  documents: DocumentStore
  close(): Promise<void>
}

async function embedded(): Promise<Opened> {
  const path = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  const documents = openDocuments({ path })
  const close = async (): Promise<void> => {
    await documents.close()
    rmSync(path, { recursive: true, force: true })
  }
  return { documents, close }
}

const server = mongodbServer()

async function inMongo(): Promise<Opened> {
  const database = new FreshDatabase(server!)
  return { documents: openMongoDocuments(await database.connect()), close: () => database.drop() }
}

describe.each([
  { place: 'embedded', open: embedded, isThere: true },
  { place: 'in MongoDB', open: inMongo, isThere: server !== null },
])('snapshots $place', ({ open, isThere }) => {
  let documents: DocumentStore
  let close: Opened['close']

  beforeEach(async context => {
    if (!isThere) return context.skip()
    ;({ documents, close } = await open())
  })
  afterEach(() => close?.())

  const applied = async (snapshots: readonly string[], ...events: Event[]): Promise<OnePartition> => {
    const one = await OnePartition.claim({ documents, snapshots })
    await one.apply(...events)
    return one
  }

  test('are of the kinds that are asked for alone', async () => {
    await applied(['visitor'], ...EVENTS)
    const ids = (await documents.find('actors', { sort: { _id: 1 } })).map(({ _id }) => _id)
    expect(ids).toEqual([`visitor/${ODD}`, 'visitor/eve'])
  })

  test('are taken by XState as they are, as those are that are asked for', async () => {
    const one = await applied(ALL, ...EVENTS)
    const found = await documents.find('actors', {})
    expect(found.map(({ _id }) => splitId(_id).kind).sort()).toEqual([...ALL, 'visitor'].sort())
    for (const document of found) {
      const { kind, key } = splitId(document._id)
      const view = await one.partition.view(kind, key)
      for (const snapshot of [document, JSON.parse(JSON.stringify(document)), JSON.parse(JSON.stringify(view))]) {
        const actor = createActor(MACHINES[kind]!, { snapshot: snapshot as Snapshot<unknown> }).start()
        const { value, context, status } = actor.getSnapshot()
        expect({ value, context, status }).toEqual({ value: view!.value, context: view!.context, status: 'active' })
      }
    }
  })

  test('go on in XState', async () => {
    await applied(ALL, ...EVENTS)
    const snapshot = (await documents.get('actors', 'streamer-session/sam')) as unknown as Snapshot<unknown>
    const actor = createActor(streamerSession, { snapshot }).start()
    actor.send({ type: 'session.preset', id: 'x9', at: NOON + MINUTE, sessionId: 's1', preset: 'sd', price: 3 })
    expect(actor.getSnapshot()).toMatchObject({ value: 'live', context: { session: { title: '$set', preset: 'sd' } } })
  })

  test('say by which entry their actor changed, and when', async () => {
    const one = await applied(ALL, ...EVENTS)
    const of = async (id: string): Promise<Document> => (await documents.get('actors', id))!
    expect(await of('visitor/eve')).toMatchObject({ value: 'active', seq: 5, partition: 0, at: new Date(NOON + 4) })
    expect(await of('streamer-session/sam')).toMatchObject({ value: 'preview', seq: 2, at: new Date(NOON + 1) })
    await one.apply(tick(NOON + 31 * MINUTE))
    expect(await of('visitor/eve')).toMatchObject({ value: 'inactive', seq: 8, at: new Date(NOON + 31 * MINUTE) })
  })

  test('of a visitor hold no events, however many there are', async () => {
    const one = await OnePartition.claim({ documents, snapshots: ALL })
    const { partition } = one
    const events = Array.from({ length: 2_000 }, (_, i) => pageView('eve', `e${i}`, NOON + i))
    const entry = { seq: 1, events }
    await partition.prepare([entry])
    partition.apply(entry)
    const written = partition.take().writes.find(({ collection }) => collection === 'actors')!
    expect(JSON.stringify(written).length).toBeLessThan(1_000)
    expect(JSON.stringify(await one.view('visitor', 'eve')).length).toBeLessThan(1_000)
  })
})
