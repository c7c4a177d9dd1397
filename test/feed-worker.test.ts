import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDocuments } from '../src/documents/embedded.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import work, { type Order } from '../src/feeds/worker.ts'
import { NOON } from './support/one-partition.ts'

let path: string
let documents: DocumentStore

beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  documents = openDocuments({ path })
  await documents.upsertMany('users', [{ id: 'sam', seq: 1, set: { tags: [] } }])
  await documents.upsertMany('sessions', [
    { id: 's1', seq: 5, set: { userId: 'sam', active: true } },
    { id: 's2', seq: 5, set: { userId: 'sam', active: false } },
  ])
})
afterEach(async () => {
  await work(null)
  await documents.close()
  rmSync(path, { recursive: true })
})

const order = (generation: number, more: Partial<Order> = {}): Order => ({
  ...{
    places: { logPath: '', statePath: path, partitions: 1, natsUrl: null, mongodbUrl: null, redisUrl: null },
    at: NOON + generation,
    viewers: null,
    generation,
  },
  feeds: [{ alias: 'f', include: [], exclude: [], limit: 10 }],
  ...more,
})
const counts = async () =>
  (await documents.find('sessions', { sort: { _id: 1 } })).map(
    ({ metadata }) => (metadata as { viewerCount?: number } | undefined)?.viewerCount,
  )

describe('a generation', () => {
  test('is the latest of its feed', async () => {
    await work(order(1))
    const head = await documents.get('feeds', 'f')
    expect(await documents.get('feeds', String(head!.latest))).toMatchObject({
      ...{ alias: 'f', generation: 1, generatedAt: NOON + 1 },
      items: [{ id: 'sam' }],
    })
  })

  test('is one of ten that are kept', async () => {
    for (let n = 1; n <= 13; n++) await work(order(n))
    const kept = await documents.find('feeds', { filter: { items: { $exists: true } } })
    expect(kept.map(({ generation }) => Number(generation)).sort((a, b) => a - b)).toEqual([
      ...[4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    ])
  })

  test('is the latest though made by a clock that is behind that of the one before', async () => {
    await work(order(1, { at: NOON }))
    await work(order(2, { at: NOON - 60_000 }))
    expect(await documents.get('feeds', 'f')).toMatchObject({ generation: 2, generatedAt: NOON + 1 })
  })

  test('that comes late does not hide a later one', async () => {
    await work(order(2))
    await work(order(1))
    expect(await documents.get('feeds', 'f')).toMatchObject({ generation: 2 })
  })

  test('shows the numbers of viewers it came with', async () => {
    await work(order(1, { viewers: new Map([['s1', 7]]) }))
    expect((await documents.get('feeds', 'f/1'))!.items).toMatchObject([{ metadata: { viewers: 7 } }])
  })
})

describe('the numbers of viewers', () => {
  test('are set of active sessions, and are none where nobody watches', async () => {
    await work(
      order(1, {
        viewers: new Map([
          ['s1', 7],
          ['s2', 3],
        ]),
        feeds: [],
      }),
    )
    expect(await counts()).toEqual([7, undefined])
    await work(order(2, { viewers: new Map(), feeds: [] }))
    expect(await counts()).toEqual([0, undefined])
  })

  test('of before do not replace those of now', async () => {
    await work(order(2, { viewers: new Map([['s1', 7]]), feeds: [] }))
    await work(order(1, { viewers: new Map([['s1', 3]]), feeds: [] }))
    expect(await counts()).toEqual([7, undefined])
  })

  test('stay as they are where they are not known', async () => {
    await work(order(1, { viewers: new Map([['s1', 7]]), feeds: [] }))
    await work(order(2))
    expect(await counts()).toEqual([7, undefined])
  })

  test('are beside the seq of the session: what its streamer did since still counts', async () => {
    await work(order(9, { viewers: new Map([['s1', 7]]), feeds: [] }))
    await documents.upsertMany('sessions', [{ id: 's1', seq: 6, set: { title: 'new', 'metadata.name': 'n' } }])
    expect(await documents.get('sessions', 's1')).toMatchObject({
      title: 'new',
      metadata: { name: 'n', viewerCount: 7 },
    })
  })
})
