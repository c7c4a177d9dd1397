import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { damagedDocuments, forgetDocuments } from '../../src/documents/damage.ts'
import { openDocuments } from '../../src/documents/embedded.ts'
import type { DocumentStore } from '../../src/documents/index.ts'
import { documentKey } from '../../src/documents/index-entries.ts'
import { idsOf } from '../support/documents.ts'
import { flipInState } from '../support/flipped.ts'

const PAGE = 4_096

describe('embedded documents that are damaged', () => {
  let path: string
  let store: DocumentStore

  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'rollcall-documents-'))
    store = openDocuments({ path })
  })
  afterEach(async () => {
    await store.close()
    rmSync(path, { recursive: true })
  })

  test('are named where a bit is another one than was written, and neither read nor written over', async () => {
    const key = documentKey('users', 'b')
    for (const bit of [1, 9, 17, 40, 70, 100]) {
      await store.upsertMany('users', [
        { id: 'a', seq: bit, set: { name: 'Ann' } },
        { id: 'b', seq: bit, set: { name: 'Ben' } },
      ])
      await flipInState(path, 'documents', key, bit)
      const named = { code: 'RC_DOCUMENT_CORRUPT', message: 'The document users/b is not as it was written.' }
      await expect(store.get('users', 'b'), `bit ${bit}`).rejects.toMatchObject(named)
      await expect(store.find('users', {})).rejects.toMatchObject(named)
      const write = store.upsertMany('users', [{ id: 'b', seq: bit + 1, set: { name: 'Bo' } }])
      await expect(write).rejects.toMatchObject(named)
      expect(await store.get('users', 'a')).toEqual({ _id: 'a', name: 'Ann' })
      expect([...damagedDocuments(path)].map(({ name }) => name)).toEqual(['users/b'])
      await forgetDocuments(path, [...damagedDocuments(path)])
      expect(idsOf(await store.find('users', {}))).toEqual(['a'])
    }
  })

  test('are told of as damaged as often as LMDB finds a page that is none', async () => {
    const upserts = Array.from({ length: 200 }, (_, n) => ({ id: `u${n}`, seq: 1, set: { name: 'n'.repeat(100) } }))
    await store.upsertMany('users', upserts)
    await store.close()
    const file = join(path, 'data.mdb')
    const content = readFileSync(file)
    // Branches name the first keys of the pages under them.
    const isBranch = (at: number): boolean => content.readUInt16LE(at + 18) === 1
    for (let at = 2 * PAGE; at < content.length; at += PAGE) if (isBranch(at)) content.fill(0, at, at + PAGE)
    writeFileSync(file, content)
    store = openDocuments({ path })
    const message = expect.stringMatching(/^Documents of users cannot be read: MDB_CORRUPTED/)
    const damaged = { code: 'RC_DOCUMENT_CORRUPT', message }
    for (const _ of [1, 2]) {
      await expect(store.find('users', {})).rejects.toMatchObject(damaged)
      await expect(store.get('users', 'u20')).rejects.toMatchObject(damaged)
      await expect(store.upsertMany('users', [{ id: 'u20', seq: 2, set: {} }])).rejects.toMatchObject(damaged)
    }
  })
})
