/** Damage: documents in LMDB that are not as they were written. */
import { isThere } from '../lmdb/readable.ts'
import { nameOf, openTables, wholeIn } from './embedded-tables.ts'

const AT_ONCE = 20_000

export interface DamagedDocument {
  key: Buffer
  /** `<collection>/<id>` */
  name: string
}

/** All of them, also while a server has the documents open. */
export function* damagedDocuments(path: string): Generator<DamagedDocument> {
  if (!isThere(path)) return
  const { env, documents } = openTables(path, { readOnly: true })
  try {
    for (let start = Buffer.of(0); ; ) {
      env.resetReadTxn()
      const some = [...(documents?.getRange({ start, limit: AT_ONCE }) ?? [])]
      for (const { key, value } of some) if (!wholeIn(key, value)) yield { key, name: nameOf(key) }
      if (some.length < AT_ONCE) return
      start = Buffer.concat([some.at(-1)!.key, Buffer.of(0)])
    }
  } finally {
    env.close()
  }
}

/** Removes the documents, and whatever leads to them. */
export async function forgetDocuments(path: string, damaged: readonly DamagedDocument[]): Promise<void> {
  const { env, documents, indexes } = openTables(path)
  const names = new Set(damaged.map(({ name }) => name))
  for (const { key, value: id } of indexes.getRange({ start: Buffer.of(1) })) {
    const collection = key.toString('utf8', 0, key.indexOf(0))
    if (names.has(`${collection}/${id}`)) indexes.remove(key, id)
  }
  for (const { key } of damaged) documents.remove(key)
  await env.flushed
  await env.close()
}
