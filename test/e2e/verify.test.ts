import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { RecordKey } from '../../src/checkpoint/index.ts'
import { openDocuments } from '../../src/documents/embedded.ts'
import type { Collection, Document, DocumentStore } from '../../src/documents/index.ts'
import { openLogEnvironment, openStateEnvironment } from '../../src/lmdb/index.ts'
import { entryOf } from '../../src/log/entries.ts'
import { eveningKept, type Verified, verified } from '../support/evening-kept.ts'
import { type Body, temporaryDirectory } from '../support/server.ts'

let kept: string

beforeAll(async () => {
  kept = (await eveningKept()).data
}, 60_000)

/** A copy of the evening, in which something was changed behind Rollcall's back. */
async function planted(plant: (data: string) => Promise<void>): Promise<Verified> {
  const data = temporaryDirectory()
  cpSync(kept, data, { recursive: true })
  await plant(data)
  return verified(data)
}

async function inDocuments(data: string, change: (documents: DocumentStore) => Promise<void>): Promise<void> {
  const documents = openDocuments({ path: join(data, 'state') })
  await change(documents)
  await documents.close()
}

const firstOf = async (documents: DocumentStore, collection: Collection, filter = {}): Promise<Document> =>
  (await documents.find(collection, { filter, sort: { _id: 1 }, limit: 1 }))[0]!

/** Changes a record of the state; the record is the first of those that begin so. */
async function changeRecord(data: string, key: RecordKey, change: (value: Body) => unknown): Promise<string> {
  const env = openStateEnvironment(join(data, 'state'))
  const db = env.openDB<Body, (string | number)[]>('checkpoint', { useVersions: true, cache: false })
  const all = [...db.getRange({ start: [0], end: [2], versions: true })]
  const found = all.find(
    ({ key: [, space, ...names] }) => space === key.space && key.names.every((name, i) => names[i] === name),
  )
  await db.put(found!.key, change(found!.value), found!.version!)
  await env.close()
  return found!.key.slice(1).join(' ')
}

/** The entry of the log in which an event is, and its partition. */
async function inLog(data: string, change: (db: Body, entries: Body[]) => Promise<void>): Promise<void> {
  const env = openLogEnvironment(join(data, 'log'))
  const db = env.openDB<Buffer, Buffer>('entries', { encoding: 'binary', keyEncoding: 'binary' })
  const entries = [...db.getRange({})].map(({ key, value }) => {
    const [partition, seq] = [key.readUInt16BE(0), key.readUInt32BE(6)]
    return { key: Buffer.from(key), partition, ...entryOf(seq, value) }
  })
  await change(db, entries)
  await env.close()
}

describe('rollcall verify', () => {
  test('finds nothing in what a server left behind, and changes nothing', async () => {
    const { code, differences, notes, summary } = await verified(kept)
    expect([code, differences, notes]).toEqual([0, [], []])
    const { derived, records, documents, accounts, events } = summary
    expect([derived, records > 100, documents > 200, accounts > 10, events > 900]).toEqual([2, true, true, true, true])
  })

  test('finds a counter that is off by one, and the event from which it is', async () => {
    const { code, differences } = await planted(async data => {
      await changeRecord(data, { space: 'aggregate', names: ['totals'] }, totals => {
        return { ...totals, attendance: totals.attendance - 1 }
      })
    })
    expect([code, differences]).toEqual([
      1,
      [
        expect.objectContaining({
          ...{ of: 'state', name: 'aggregate totals', partition: 0 },
          text: expect.stringMatching(/^attendance is \d+, should be \d+$/),
          first: expect.objectContaining({ kind: 'heartbeat', seq: expect.any(Number) }),
        }),
      ],
    ])
    expect(differences[0].first.never).toBe(undefined)
  })

  test('finds a snapshot with a flipped byte', async () => {
    let name = ''
    const { code, differences } = await planted(async data => {
      name = await changeRecord(data, { space: 'actor', names: ['viewer'] }, ([version, state, context]) => {
        return [version, state, { ...context, last: { ...context.last, at: context.last.at ^ 1 } }]
      })
    })
    const [{ of, text, first }] = differences
    expect([code, differences.length, of, differences[0].name]).toEqual([1, 1, 'state', name.trimEnd()])
    expect(text).toMatch(/^2\.last\.at is \d+, should be \d+$/)
    expect(first).toMatchObject({ kind: 'heartbeat', never: true, key: name.split(' ')[2] })
  })

  test('finds a document that was edited by hand', async () => {
    let id = ''
    const { code, differences } = await planted(data =>
      inDocuments(data, async documents => {
        const document = await firstOf(documents, 'web-sessions')
        id = document._id
        await documents.upsertMany('web-sessions', [{ id, seq: 1e9, set: { pageViews: 99 } }])
      }),
    )
    expect([code, differences]).toEqual([
      1,
      [
        expect.objectContaining({
          of: 'document',
          name: `web-sessions ${id}`,
          text: expect.stringContaining('pageViews is 99'),
        }),
      ],
    ])
  })

  test('finds a stale web session, and the visit that it does not know', async () => {
    let id = ''
    const { code, differences } = await planted(data =>
      inDocuments(data, async documents => {
        const [session] = await documents.find('web-sessions', {
          filter: { eventCount: 2 },
          sort: { _id: 1 },
          limit: 1,
        })
        const [event] = await documents.find('web-events', { filter: { visitorId: session!.visitorId }, limit: 1 })
        expect(event).toBeDefined()
        id = session!._id
        const former = { eventCount: 1, end: session!.start, pageViews: 1, singlePage: true }
        await documents.upsertMany('web-sessions', [{ id, seq: 4_000, set: former }])
      }),
    )
    expect([code, differences.length]).toEqual([1, 1])
    const [{ of, name, first }] = differences
    expect([of, name, first.kind, first.key]).toEqual(['document', `web-sessions ${id}`, 'web-event', id.slice(0, -11)])
  })

  test('finds a follower that was told twice, by the accounts of effects', async () => {
    const kind = 'notify_followers_livestream_online'
    let [session, again] = ['', '']
    const { code, differences } = await planted(data =>
      inDocuments(data, async documents => {
        const { _id, ...account } = await firstOf(documents, 'effects', { lane: { $in: [`0/${kind}`, `1/${kind}`] } })
        session = _id
        const seq = Number(account.seq) + 1
        again = `${account.actor}:${seq}:0`
        await documents.upsertMany('effects', [{ id: again, seq, set: { ...account, seq, index: 0 } }])
      }),
    )
    const told = expect.stringContaining(`followers were told twice, also by ${session}`)
    expect([code, differences]).toEqual([1, [expect.objectContaining({ of: 'effect', name: again, text: told })]])
  })

  test('finds an effect that left the outbox and is not accounted for', async () => {
    let id = ''
    const { code, differences } = await planted(data =>
      inDocuments(data, async documents => {
        id = (await firstOf(documents, 'effects', { lane: { $in: ['0/session.ended', '1/session.ended'] } }))._id
        await documents.removeMany('effects', [id], 1e9)
      }),
    )
    expect([code, differences]).toEqual([
      1,
      [expect.objectContaining({ of: 'effect', name: id, text: 'is neither in the outbox nor accounted for' })],
    ])
  })

  test('finds documents that are gone, or should be, and a sum that is none', async () => {
    let window = ''
    const { code, differences } = await planted(data =>
      inDocuments(data, async documents => {
        const { _id, ...session } = await firstOf(documents, 'web-sessions')
        await documents.removeMany('web-sessions', [_id], 4_000)
        await documents.upsertMany('web-sessions', [{ id: `${_id}#7`, seq: 1, set: session }])
        window = (await firstOf(documents, 'statistics', { partition: { $exists: false }, viewerCount: { $gt: 1 } }))
          ._id
        await documents.upsertMany('statistics', [{ id: window, seq: 1e6, set: { viewerCount: 1 } }])
      }),
    )
    const found = differences.map(({ name, text }) => [name.replace(/ .*#/, ' #'), text.replace(/\d+$/, 'n')])
    expect([code, found.sort()]).toEqual([
      1,
      [
        [`statistics ${window}`, 'viewerCount is 1, should be n'],
        ['web-sessions #7', 'should not be there'],
        [expect.stringMatching(/^web-sessions visitor-/), 'is not there'],
      ],
    ])
  })

  test('finds a flipped byte in the log, by the entry that it is in', async () => {
    let entry: Body
    const { code, differences } = await planted(data =>
      inLog(data, async (db, entries) => {
        entry = entries.find(({ events }) => events.some(({ kind }: Body) => kind === 'web-event'))
        const value = Buffer.from(db.get(entry.key))
        const place = value.indexOf('/z')
        value[place + 1]! ^= 1
        await db.put(entry.key, value)
      }),
    )
    expect([code, differences.length > 0]).toEqual([1, true])
    const places = differences.map(({ partition, seq, first }) => [partition, seq ?? first.seq])
    expect(places).toContainEqual([entry.partition, entry.seq])
    expect(places.every(([partition, seq]) => partition === entry.partition && seq >= entry.seq)).toBe(true)
  })

  test('finds a lost entry, and the lost end of a log', async () => {
    const lost = async (place: number) => {
      let entry: Body
      const { code, differences } = await planted(data =>
        inLog(data, async (db, entries) => {
          entry = entries.filter(({ partition }) => partition === 1).at(place)
          await db.remove(entry.key)
        }),
      )
      return [code, differences.map(({ of, partition, name, text }) => [of, partition, name, text]), entry.seq]
    }
    const [code, differences, seq] = await lost(5)
    expect([code, differences]).toEqual([1, [['log', 1, `entry ${seq}`, 'is gone from the log']]])
    const [other, [[of, , name, text]]] = await lost(-1)
    expect([other, of, name, text]).toEqual([1, 'log', 'partition 1', expect.stringContaining('RC_LOG_BEHIND')])
  })
})
