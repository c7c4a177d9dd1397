import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { open } from 'lmdb'
import { Aggregator } from 'mingo'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDocuments } from '../../src/documents/embedded.ts'
import { openTables } from '../../src/documents/embedded-tables.ts'
import type { Collection, Document, DocumentStore } from '../../src/documents/index.ts'
import { documentKey, plan } from '../../src/documents/index-entries.ts'
import { systemTime } from '../../src/time.ts'
import { idsOf } from '../support/documents.ts'
import { seeded } from '../support/random.ts'
import { documentStoreContract, type OpenedDocuments } from './document-store.ts'
import { documentTracesContract } from './document-store-traces.ts'
import { statisticsSumsContract } from './statistics-sums.ts'

const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'rollcall-documents-'))

async function openEmbedded(path = temporaryDirectory(), time = systemTime): Promise<OpenedDocuments> {
  const handles = [openDocuments({ path, time })]
  return {
    store: handles[0]!,
    again: async () => {
      handles.push(openDocuments({ path, time }))
      return handles.at(-1)!
    },
    destroy: async () => {
      for (const handle of handles) await handle.close()
      rmSync(path, { recursive: true })
    },
  }
}

documentStoreContract('embedded', openEmbedded)
documentTracesContract('embedded', time => openEmbedded(undefined, time))
statisticsSumsContract('embedded', openEmbedded)

describe('the embedded documents', () => {
  let path: string
  let opened: OpenedDocuments
  let store: DocumentStore

  beforeEach(async () => {
    path = temporaryDirectory()
    opened = await openEmbedded(path)
    store = opened.store
  })
  afterEach(() => opened.destroy())

  test('are written some thousands at a time, so that no transaction holds the pages of all of a great cut', async () => {
    const { env } = openTables(path)
    const transactions = (): number => {
      env.resetReadTxn()
      return (env.getStats() as { lastTxnId: number }).lastTxnId
    }
    const write = async (count: number): Promise<number> => {
      const before = transactions()
      const ids = Array.from({ length: count }, (_, n) => `${count}-${n}`)
      await store.upsertMany(
        'sessions',
        ids.map(id => ({ id, seq: 1, set: { active: true } })),
      )
      return transactions() - before
    }
    expect(await write(2_000)).toBe(1)
    expect(await write(10_000)).toBe(5)
    expect(await store.find('sessions', { filter: { active: true } })).toHaveLength(12_000)
    await env.close()
  })

  test('are not written again by the cut that wrote them, but by another one', async () => {
    const { env, documents } = openTables(path)
    const versionAfter = async (seq: number): Promise<unknown> => {
      await store.upsertMany('sessions', [{ id: 's1', seq, set: { active: true, userId: 'u1' } }])
      env.resetReadTxn()
      return documents.getEntry(documentKey('sessions', 's1'))!.version
    }
    const first = await versionAfter(7)
    expect(await versionAfter(7)).toBe(first)
    expect(await versionAfter(8)).not.toBe(first)
    await env.close()
  })

  test.each([
    [{ filter: { active: true }, sort: { _id: -1 } }, ['s5', 's4'], ['s1', 's2', 's3']],
    [{ filter: { active: true, _id: { $lt: 's5' } }, sort: { _id: -1 } }, ['s4', 's3'], ['s1', 's2', 's5']],
    [{ filter: { active: { $ne: false } }, sort: { _id: -1 } }, ['s5', 's4'], ['s1', 's2', 's3']],
    [{ filter: { userId: { $gte: 'u3' } }, sort: { userId: 1, _id: 1 } }, ['s3', 's4'], ['s1', 's2', 's5']],
    [{ filter: { userId: { $lte: 'u4' } }, sort: { userId: -1, _id: -1 } }, ['s4', 's3'], ['s1', 's2', 's5']],
  ] as const)('are not read beyond the limit: %j', async (query, ids, broken) => {
    const sessions = [1, 2, 3, 4, 5].map(n => ({ id: `s${n}`, seq: 1, set: { active: true, userId: `u${n}` } }))
    await store.upsertMany('sessions', sessions)
    // What is no document cannot be read.
    const env = open({ path, maxDbs: 8, noMemInit: true })
    const raw = env.openDB<Buffer, Buffer>('documents', {
      useVersions: true,
      keyEncoding: 'binary',
      encoding: 'binary',
    })
    for (const id of broken) await raw.put(documentKey('sessions', id), Buffer.from([0xc1, 0xc1, 0xc1]), 1)
    await env.close()
    expect((await store.find('sessions', { ...query, limit: 2 } as never)).map(({ _id }) => _id)).toEqual(ids)
  })

  /** Runs code in another thread, where `store` is a handle of its own. */
  const inThread = (code: string): Worker =>
    new Worker(
      `const { parentPort, workerData } = require('node:worker_threads')
       import(workerData.module).then(async ({ openDocuments }) => {
         const store = openDocuments(workerData)
         ${code}
       })`,
      {
        eval: true,
        workerData: { path, module: new URL('../../src/documents/embedded.ts', import.meta.url).href },
      },
    )
  const ended = async (thread: Worker): Promise<void> => void (await once(thread, 'exit'))

  test.each([
    [{ title: 'x', active: true }, 'active'],
    [{ active: true, userId: 'u1' }, 'userId'],
    [{ active: { $in: [true, false] }, userId: { $gte: 'u1' } }, 'active'],
    [{ userId: { $lt: 'u1' } }, 'userId'],
    [{ $and: [{ userId: { $eq: 'u1' } }, { title: 'x' }] }, 'userId'],
    [{ userId: 'u1', _id: { $in: ['s1'] } }, '_id'],
  ])('are looked for by an index that the filter has a condition on: %j', (filter, field) => {
    expect(plan('sessions', filter).field).toBe(field)
  })

  test('are shared with other threads', async () => {
    await store.upsertMany('sessions', [{ id: 'here', seq: 1, set: { userId: 'u1' } }])
    const thread = inThread(`
      parentPort.postMessage(await store.find('sessions', { filter: { userId: 'u1' } }))
      await store.upsertMany('sessions', [{ id: 'there', seq: 1, set: { userId: 'u1' } }])
      await store.close()`)
    const [message] = await once(thread, 'message')
    await ended(thread)
    expect(message).toEqual([{ _id: 'here', userId: 'u1' }])
    expect(idsOf(await store.find('sessions', { filter: { userId: 'u1' } }))).toEqual(['here', 'there'])
  })

  test('are never between two values while another thread changes them', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `s${i}`).sort()
    await store.upsertMany(
      'sessions',
      ids.map(id => ({ id, seq: 0, set: { userId: 'u0' } })),
    )
    const thread = inThread(`
      for (let seq = 1; seq <= 100; seq++) {
        const set = { userId: 'u' + seq % 3 }
        await store.upsertMany('sessions', ${JSON.stringify(ids)}.map(id => ({ id, seq, set })))
      }
      await store.close()`)
    let isRunning = true
    const end = ended(thread).then(() => {
      isRunning = false
    })
    const filter = { userId: { $in: ['u0', 'u1', 'u2'] } }
    while (isRunning) {
      expect(idsOf(await store.find('sessions', { filter }))).toEqual(ids)
      await setImmediate()
    }
    await end
  })

  test('are writable after a thread ended while it wrote, and have nothing or all of its last call', async () => {
    const thread = inThread(`
      const upserts = Array.from({ length: 3_000 }, (_, i) => ({ id: 'last' + i, seq: 1, set: { userId: 'u1' } }))
      upserts.push({ id: 'end', seq: 1, set: { get userId() { process.exit() } } })
      await store.upsertMany('sessions', [{ id: 'first', seq: 1, set: { userId: 'u1' } }])
      await store.upsertMany('sessions', upserts)`)
    await ended(thread)
    await store.upsertMany('sessions', [{ id: 'after', seq: 1, set: { userId: 'u1' } }])
    expect(idsOf(await store.find('sessions', { filter: { userId: 'u1' } }))).toEqual(['after', 'first'])
  })

  test('live beside other databases of their environment', async () => {
    const env = open({ path, maxDbs: 8 })
    const checkpoint = env.openDB<string, string>('checkpoint', {})
    await checkpoint.put('cut', 'kept')
    await store.upsertMany('sessions', [{ id: 's1', seq: 1, set: { userId: 'u1' } }])
    await env.close()
    expect(idsOf(await store.find('sessions', { filter: { userId: 'u1' } }))).toEqual(['s1'])
    await store.upsertMany('sessions', [{ id: 's2', seq: 1, set: { userId: 'u1' } }])
    const again = open({ path, maxDbs: 8 })
    expect(again.openDB<string, string>('checkpoint', {}).get('cut')).toBe('kept')
    await again.close()
  })

  test('can have any character in their ids and values', async () => {
    const texts = ['\0', 'a\0b', 'a', '\u0001', '\u0004\u0001'.repeat(63), '\u0001'.repeat(63), '\u{10ffff}', '\uffff']
    await store.upsertMany(
      'sessions',
      texts.map(text => ({ id: text, seq: 1, set: { userId: text } })),
    )
    for (const text of texts) {
      expect(await store.get('sessions', text)).toStrictEqual({ _id: text, userId: text })
      expect(idsOf(await store.find('sessions', { filter: { userId: text } }))).toEqual([text])
    }
  })

  test('refuse an id that is longer than a key can be, and find nothing under one', async () => {
    const id = 'x'.repeat(5_000)
    await expect(store.upsertMany('sessions', [{ id, seq: 1, set: {} }])).rejects.toThrow()
    expect(await store.get('sessions', id)).toBeNull()
    expect(await store.find('sessions', { filter: { _id: id } })).toEqual([])
  })

  test('hold the longest ids there are beside the longest values', async () => {
    const ids = ['a', 'b'].map(end => `${'x'.repeat(1_300)}${end}`)
    const userId = 'y'.repeat(2_000)
    await store.upsertMany(
      'sessions',
      ids.map(id => ({ id, seq: 1, set: { userId } })),
    )
    await store.upsertMany('sessions', [{ id: ids[0]!, seq: 2, set: { userId: 'short' } }])
    expect(idsOf(await store.find('sessions', { filter: { userId } }))).toEqual([ids[1]])
  })

  describe('that cannot be read', () => {
    /** A document, found like any other, that throws when read. */
    const spoil = async (collection: Collection, id: string, userId: string): Promise<void> => {
      await store.upsertMany(collection, [{ id, seq: 1, set: { userId } }])
      const env = open({ path, maxDbs: 8 })
      const options = { useVersions: true, keyEncoding: 'binary', encoding: 'binary' } as const
      await env.openDB<Buffer, Buffer>('documents', options).put(documentKey(collection, id), Buffer.of(0x92), 1)
      await env.close()
    }

    test('do not matter to a search by id that has enough before them', async () => {
      await store.upsertMany(
        'sources',
        ['a', 'b', 'c'].map(id => ({ id, seq: 1, set: {} })),
      )
      await spoil('sources', 'd', 'u1')
      const page = { filter: { _id: { $gt: 'a' } }, sort: { _id: 1 } } as const
      expect(idsOf(await store.find('sources', { ...page, limit: 2 }))).toEqual(['b', 'c'])
      await expect(store.find('sources', { ...page, limit: 3 })).rejects.toThrow()
    })

    test.each([
      ['a value', { at: 'u1' }],
      ['a list', { at: ['u1', 'u0'] }],
    ])('do not matter to a join of others, by %s', async (_what, by) => {
      await store.upsertMany('sessions', [{ id: 's1', seq: 1, set: { by } }])
      await store.upsertMany('users', [{ id: 'u1', seq: 1, set: {} }])
      await store.upsertMany('earnings', [{ id: 'e1', seq: 1, set: { userId: 'u1' } }])
      await spoil('users', 'u2', 'u2')
      await spoil('earnings', 'e2', 'u2')
      const joined = await store.aggregate('sessions', [
        { $lookup: { from: 'users', localField: 'by.at', foreignField: '_id', as: 'users' } },
        { $lookup: { from: 'earnings', localField: 'by.at', foreignField: 'userId', as: 'earnings' } },
      ])
      expect(joined).toEqual([{ _id: 's1', by, users: [{ _id: 'u1' }], earnings: [{ _id: 'e1', userId: 'u1' }] }])
    })
  })

  test('are joined as mingo joins whole collections', async () => {
    const random = seeded('lookups against whole collections')
    const values = [...['a', 'b', 'ab', '', '1', 1, 0, -0.5, true, false, null, undefined, { deep: 'a' }, { deep: 1 }]]
    const value = (): unknown => {
      if (random.chance(0.7)) return random.pick(values)
      return Array.from({ length: random.int(0, 3) }, () => random.pick(values) ?? null)
    }
    const fields = ['userId', 'plain', 'inner.of', 'list.of']
    const set = () => ({
      ...{ userId: value(), plain: value(), inner: { of: value() } },
      list: Array.from({ length: random.int(0, 2) }, () => ({ of: random.pick(values) ?? null })),
    })
    const upserts = () => Array.from({ length: 12 }, (_, i) => ({ id: `${'ab'[i] ?? i}`, seq: 1, set: set() }))
    for (let round = 0; round < 10; round++) {
      for (const collection of ['sessions', 'earnings'] as const) {
        await store.removeWhere(collection, {})
        await store.upsertMany(collection, upserts())
      }
      const [sessions, earnings] = [await store.find('sessions', {}), await store.find('earnings', {})]
      for (const localField of fields)
        for (const foreignField of [...fields, '_id']) {
          const pipeline = [{ $lookup: { from: 'earnings', localField, foreignField, as: 'found' } }]
          const expected = new Aggregator(pipeline, { collectionResolver: () => earnings }).run<Document>(sessions)
          // Its undefined is what an element of a list finds that matches nothing.
          const shown = (documents: Document[]): unknown =>
            documents.map(({ found, ...rest }) => {
              const defined = (found as (Document | undefined)[]).filter(each => each !== undefined)
              return { ...rest, found: idsOf(defined) }
            })
          expect(shown(await store.aggregate('sessions', pipeline))).toEqual(shown(expected))
        }
    }
  })
})
