import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pack } from 'msgpackr'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDocuments } from '../../src/documents/embedded.ts'
import { completeIndexes, openTables } from '../../src/documents/embedded-tables.ts'
import { documentKey } from '../../src/documents/index-entries.ts'
import { idsOf } from '../support/documents.ts'

describe('the indexes of embedded documents', () => {
  let path: string
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'rollcall-documents-'))
  })
  afterEach(() => rmSync(path, { recursive: true }))

  test('are completed by the fields that a former version did not find documents by', async () => {
    const { env, documents } = openTables(path)
    const ids = Array.from({ length: 2_500 }, (_, n) => `v${String(n).padStart(4, '0')}-2026-01-01`)
    for (const [n, id] of ids.entries()) {
      const document = { _id: id, userId: n % 2 === 0 ? 'ann' : null, day: '2026-01-01' }
      documents.put(documentKey('web-sessions', id), pack({ seq: 1, document }), 1)
    }
    await documents.put(documentKey('web-sessions', 'gone'), pack({ seq: 1, removedAt: 1 }), 1)
    await env.close()
    for (let start = 0; start < 2; start++) await completeIndexes(path)
    const store = openDocuments({ path })
    const of = async (filter: Record<string, unknown>) => idsOf(await store.find('web-sessions', { filter }))
    expect(await of({ userId: 'ann' })).toEqual(ids.filter((_, n) => n % 2 === 0))
    expect(await of({ day: '2026-01-01' })).toEqual(ids)
    await store.upsertMany('web-sessions', [{ id: ids[0]!, seq: 2, set: { userId: 'ben' } }])
    expect([await of({ userId: 'ben' }), (await of({ userId: 'ann' }))[0]]).toEqual([[ids[0]], ids[2]])
    await store.close()
  })

  test('lead to the last page of many documents of one value as fast as to the first', async () => {
    const store = openDocuments({ path })
    const ids = Array.from({ length: 60_000 }, (_, n) => `v${String(n).padStart(5, '0')}`)
    await store.upsertMany(
      'web-sessions',
      ids.map(id => ({ id, seq: 1, set: { day: '2026-01-01' } })),
    )
    const msOf = async (filter: object, direction: 1 | -1): Promise<number> => {
      const query = { filter: { day: '2026-01-01', ...filter }, sort: { _id: direction }, limit: 10 }
      const times: number[] = []
      for (let n = 0; n < 10; n++) {
        const start = performance.now()
        expect(await store.find('web-sessions', query)).toHaveLength(10)
        times.push(performance.now() - start)
      }
      return Math.min(...times)
    }
    // A walk over the others takes some 25 ms.
    expect(await msOf({ _id: { $gt: ids[59_900] } }, 1)).toBeLessThan(5)
    expect(await msOf({ _id: { $lt: ids[100] } }, -1)).toBeLessThan(5)
    await store.close()
  })
})
