import { open } from 'lmdb'
import { Query as Q } from 'mingo'
import type { Document, DocumentStore } from './index.ts'
export async function openDocuments({ path }: { path: string }): Promise<DocumentStore> {
  const env = open({ path, maxDbs: 8 })
  const db = env.openDB<{ seq: number; doc: Record<string, unknown> }, string[]>('documents', {})
  const all = (c: string): Document[] => { env.resetReadTxn(); return [...db.getRange({ start: [c], end: [c, '\uffff\uffff'] })].map(({ key, value }) => ({ _id: key[1]!, ...value.doc })) }
  return {
    async get(c, id) { env.resetReadTxn(); const v = db.get([c, id]); return v ? { _id: id, ...v.doc } : null },
    async find(c, { filter = {}, sort, skip = 0, limit = 1e9 }) { const q = new Q(filter as never); let cur = q.find<Document>(all(c) as never); if (sort) cur = cur.sort(sort as never); return (cur.all() as Document[]).slice(skip, skip + limit) },
    async aggregate() { return [] },
    async upsertMany(c, list) { for (const { id, seq, set } of list) { env.resetReadTxn(); const v = db.get([c, id]); if (v && v.seq > seq) continue; const doc: Record<string, unknown> = { ...v?.doc }; for (const [k, x] of Object.entries(set)) { const [a, b] = k.split('.'); if (b) doc[a!] = { ...(doc[a!] as object), [b]: x }; else doc[k] = x } await db.put([c, id], { seq, doc }) } await env.flushed },
    async removeMany(c, ids, seq) { for (const id of ids) { const v = db.get([c, id]); if (v && v.seq <= seq) await db.remove([c, id]) } await env.flushed },
    close: () => env.close(),
  }
}
