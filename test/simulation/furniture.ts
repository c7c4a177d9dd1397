import type { DocumentStore } from '../../src/documents/index.ts'
import { STREAMS } from './shard.ts'

/** The platform's own data: each streamer has something with a session already, whose id is a stream's, and a follower. */
export async function furnish(documents: DocumentStore): Promise<void> {
  for (const [i, sessionId] of STREAMS.entries()) {
    const userId = `s${i}`
    const statuses = { started: '2026-01-01T00:00:00.000Z' }
    await documents.upsertMany('sources', [
      { id: `${userId}/camera`, seq: 1, set: { userId, statuses, metadata: { sessionId } } },
    ])
    await documents.upsertMany('followers', [{ id: `${userId}/u1`, seq: 1, set: { userId, followerId: 'u1' } }])
    await documents.upsertMany('users', [
      { id: userId, seq: 1, set: { username: userId, tags: ['country:tw', 'badge:new'] } },
    ])
  }
  await documents.upsertMany('registrations', [
    { id: 'u1/phone', seq: 1, set: { userId: 'u1', kind: 'token', value: 'phone' } },
  ])
}
