/** Changes of what a server that has ended keeps embedded, behind its back. */
import { join } from 'node:path'
import { openCheckpoints } from '../../src/checkpoint/embedded/index.ts'
import type { RecordKey } from '../../src/checkpoint/index.ts'
import { openDocuments } from '../../src/documents/embedded.ts'
import type { Collection, Document, DocumentStore } from '../../src/documents/index.ts'
import { openLogEnvironment } from '../../src/lmdb/index.ts'
import { entryOf } from '../../src/log/entries.ts'
import { load } from './checkpoint-records.ts'
import { flipPiecesWith } from './flipped-blobs.ts'
import type { Body } from './server.ts'

export async function inDocuments(data: string, change: (documents: DocumentStore) => Promise<void>): Promise<void> {
  const documents = openDocuments({ path: join(data, 'state') })
  await change(documents)
  await documents.close()
}

export const firstOf = async (documents: DocumentStore, collection: Collection, filter = {}): Promise<Document> =>
  (await documents.find(collection, { filter, sort: { _id: 1 }, limit: 1 }))[0]!

/** Changes the first record of the state whose names begin so; answers with its name. */
export async function changeRecord(data: string, key: RecordKey, change: (value: Body) => unknown): Promise<string> {
  const store = openCheckpoints(join(data, 'state'))
  try {
    for (const partition of [0, 1]) {
      const claim = await store.claim(partition, 'test')
      for (const { space, names, value } of await load(store, claim, key)) {
        const { cut, incarnation, mark } = claim
        const puts = [{ space, names, value: change(value) }]
        await store.commit(claim, cut, { incarnation: incarnation!, mark, puts, removes: [] })
        return [space, ...names].join(' ').trimEnd()
      }
    }
    throw new Error('there is no such record')
  } finally {
    await store.close()
  }
}

/** Flips a bit in all pieces of the first partition in which there is a viewer; answers with what these are called. */
export async function flipBit(data: string): Promise<string[]> {
  for (const partition of [0, 1]) {
    const pieces = await flipPiecesWith(join(data, 'state'), partition, 'viewer', 999)
    if (pieces.length > 0) return pieces
  }
  throw new Error('there is no viewer')
}

/** The entry of the log in which an event is, and its partition. */
export async function inLog(data: string, change: (db: Body, entries: Body[]) => Promise<void>): Promise<void> {
  const env = openLogEnvironment(join(data, 'log'))
  const db = env.openDB<Buffer, Buffer>('entries', { encoding: 'binary', keyEncoding: 'binary' })
  const entries = [...db.getRange({})].map(({ key, value }) => {
    const [partition, seq] = [key.readUInt16BE(0), key.readUInt32BE(6)]
    return { key: Buffer.from(key), partition, seq, events: entryOf(partition, seq, value).events }
  })
  await change(db, entries)
  await env.close()
}
