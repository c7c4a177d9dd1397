import { describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { NOON, OnePartition } from './support/one-partition.ts'
import { alive, documents, fromThen } from './support/two-lives.ts'

describe('a streamer of whom documents know and the actor does not', () => {
  const event = (kind: string, at: number, facts: object): Event => ({
    ...{ kind, key: 'sam', id: `${kind}-${at}`, at, arrival: at },
    ...facts,
  })
  const start = (fresh: string, at: number) =>
    event('session.start', at, { fresh, sourceId: null, title: 'T', device: null, userTags: ['country:tw'], price: 5 })
  /** What the bridge tells: the document as it is. */
  const known = async (id: string): Promise<Event> =>
    event('session.known', NOON, { document: await documents.get('sessions', id) })

  async function streamedBefore(...events: Event[]): Promise<void> {
    const { run } = await alive(await OnePartition.claim({ documents }))
    await run(start('s1', NOON), ...events)
  }
  const preset = (preset: string, at: number) => event('session.preset', at, { sessionId: 's1', preset, price: 9 })
  const rate = (rater: string, score: number, sessionId = 's1') =>
    event('session.rate', NOON, { id: `${rater}${score}`, sessionId, rater, score })

  test('goes on with its active session, as it was', async () => {
    await streamedBefore(preset('sd', NOON + 1), rate('ann', 4))
    const before = await documents.get('sessions', 's1')
    const { run } = await fromThen()
    await run(await known('s1'), start('s2', NOON + 9))
    expect(await documents.find('sessions', {})).toEqual([before])
  })

  test('is rated on top of what was given before', async () => {
    await streamedBefore(preset('sd', NOON + 1), rate('ann', 4))
    const { run } = await fromThen()
    await run(await known('s1'), rate('bob', 2))
    expect(await documents.get('sessions', 's1')).toMatchObject({ rating: { current: 3, currentCount: 2 } })
  })

  test('begins its next session with the rating of the one that ended', async () => {
    await streamedBefore(preset('sd', NOON + 1), rate('ann', 4), event('session.end', NOON + 2, { sessionId: 's1' }))
    const { run } = await fromThen()
    await run(await known('s1'), start('s2', NOON + 9))
    const rating = { current: 4, currentCount: 1, previous: 4, previousCount: 1 }
    expect(await documents.get('sessions', 's2')).toMatchObject({ active: true, ordinal: 2, rating })
    expect(await documents.get('sessions', 's1')).toMatchObject({ active: false })
  })

  test('whose latest session never started begins the next with the rating that one brought along', async () => {
    const end = (sessionId: string, at: number) => event('session.end', at, { sessionId })
    await streamedBefore(
      preset('sd', NOON + 1),
      rate('ann', 4),
      end('s1', NOON + 2),
      start('s2', NOON + 3),
      end('s2', NOON + 4),
    )
    const { run } = await fromThen()
    await run(await known('s2'), start('s3', NOON + 9))
    expect(await documents.get('sessions', 's3')).toMatchObject({ rating: { current: 4, currentCount: 1 } })
  })

  test('goes on with a session another program wrote, whatever its dates are', async () => {
    const foreign = { userId: 'sam', active: true, statuses: { created: 'yesterday', started: '2026-01-01T10:00:00Z' } }
    await documents.upsertMany('sessions', [{ id: 's1', seq: 0, set: foreign }])
    const { run, one } = await fromThen()
    await run(await known('s1'), preset('sd', NOON + 9))
    expect(one.partition.parking.list()).toEqual([])
    expect(await documents.get('sessions', 's1')).toMatchObject({
      ...{ active: true, status: { preset: 'sd' }, rating: { current: 0, currentCount: 0 } },
      statuses: { created: new Date(NOON).toISOString(), started: '2026-01-01T10:00:00.000Z' },
    })
  })

  test('who has streamed meanwhile is told nothing', async () => {
    await streamedBefore(preset('sd', NOON + 1))
    const { run } = await fromThen()
    const former = await known('s1')
    await run(start('s2', NOON + 5), former, preset('preview', NOON + 9))
    expect(await documents.get('sessions', 's2')).toMatchObject({ active: true, status: { preset: 'preview' } })
  })
})
