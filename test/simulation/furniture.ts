import { seenAt } from '../../actors/viewer.ts'
import type { DocumentStore } from '../../src/documents/index.ts'
import type { Push } from '../../src/notify/index.ts'
import type { Held } from './places.ts'

export const STREAMS = ['a', 'b']

/** A device that nobody will ever reach again. */
const GONE = 'gone'

export const push = (): Push => ({
  send: async (_message, to) => to.map(({ value }) => (value === GONE ? 'dead' : 'sent')),
  close: async () => {},
})

/** The platform's own data: each streamer has something with a session already, whose id is a stream's, and a follower. */
export async function furnish(documents: DocumentStore): Promise<void> {
  for (const [i, sessionId] of STREAMS.entries()) {
    const userId = `s${i}`
    const statuses = { started: '2026-01-01T00:00:00.000Z' }
    await documents.upsertMany('sources', [
      { id: `${userId}/camera`, seq: 1, set: { userId, statuses, metadata: { sessionId } } },
    ])
    await documents.upsertMany('followers', [{ id: `${userId}\nu1`, seq: 1, set: { userId, followerId: 'u1' } }])
    const stale = {
      streamerId: userId,
      userId: 'u9',
      seen: seenAt(userId, 1),
      lastAt: 1,
      preset: 'sd',
      isForeign: true,
    }
    await documents.upsertMany('stream-viewers', [{ id: `${userId}\nu9`, seq: 1, set: stale }])
    await documents.upsertMany('users', [
      { id: userId, seq: 1, set: { username: userId, tags: ['country:tw', 'badge:new'] } },
    ])
  }
  const registered = ['phone', GONE].map(value => ({
    ...{ id: `u1/${value}`, seq: 1 },
    set: { userId: 'u1', kind: 'token', value },
  }))
  await documents.upsertMany('registrations', registered)
}

/** A session that another program had, and that comes to the documents only now. */
export function sessionBefore(userId: string): Held {
  const statuses = { created: '2025-12-30T10:00:00.000Z', started: '2025-12-30T10:05:00.000Z' }
  return [
    `${userId}/before`,
    0,
    {
      ...{ userId, title: 'before', active: false, status: { preset: 'sd' }, showGoalPairs: [] },
      statuses: { ...statuses, ended: '2025-12-30T11:00:00.000Z' },
      rating: { current: 4, currentCount: 3, previous: 0, previousCount: 0 },
    },
  ]
}
