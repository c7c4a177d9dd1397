import { beforeAll, describe, expect, it } from 'vitest'
import { inParallel, type Server, startServer } from '../support/server.ts'
import { streamerSessions } from '../support/streamer-sessions.ts'

let server: Server
const { newUser, created, golive, rate, end } = streamerSessions(() => server)

beforeAll(async () => {
  server = await startServer()
})

describe('the rating of a streamer session', () => {
  it('is the mean of its raters', async () => {
    const { id } = await created(newUser())
    await rate(id, 'r1', 5)
    expect((await rate(id, 'r2', 4)).rating).toEqual({ current: 4.5, currentCount: 2, previous: 0, previousCount: 0 })
  })

  it('counts the last score of each rater', async () => {
    const { id } = await created(newUser())
    await rate(id, 'r1', 5)
    await rate(id, 'r2', 4)
    expect((await rate(id, 'r1', 2)).rating).toMatchObject({ current: 3, currentCount: 2 })
  })

  it('stays when the same score is given again', async () => {
    const { id } = await created(newUser())
    const first = await rate(id, 'r1', 3)
    expect((await rate(id, 'r1', 3)).rating).toEqual(first.rating)
  })

  it('counts every one of many raters at once', async () => {
    const { id } = await created(newUser())
    const raters = Array.from({ length: 60 }, (_, i) => i)
    await inParallel(20, raters, async i => {
      await rate(id, `r${i}`, (i % 5) + 1)
    })
    const { body } = await server.get(`/sessions/${id}`)
    expect(body.rating).toMatchObject({ current: 3, currentCount: 60 })
  })

  it('begins with that of the last session that was live', async () => {
    const userId = newUser()
    const first = await created(userId)
    await golive(first.id)
    await rate(first.id, 'r1', 4)
    await rate(first.id, 'r2', 3)
    await end(first.id)
    expect((await created(userId)).rating).toEqual({ current: 3.5, currentCount: 2, previous: 3.5, previousCount: 2 })
  })

  it('weighs its own raters with those before', async () => {
    const userId = newUser()
    const first = await created(userId)
    await golive(first.id)
    await rate(first.id, 'r1', 4)
    await rate(first.id, 'r2', 3)
    await end(first.id)
    const second = await created(userId)
    expect((await rate(second.id, 'r1', 5)).rating).toEqual({
      current: 4,
      currentCount: 3,
      previous: 3.5,
      previousCount: 2,
    })
  })

  it('passes over a session that never was live', async () => {
    const userId = newUser()
    const first = await created(userId)
    await golive(first.id)
    await rate(first.id, 'r1', 4)
    await end(first.id)
    const second = await created(userId)
    await rate(second.id, 'r1', 1)
    await end(second.id)
    expect((await created(userId)).rating).toMatchObject({ previous: 4, previousCount: 1 })
  })
})

describe('a change that does not fit', () => {
  const faulty: [name: string, path: string, body: unknown, at: string][] = [
    ['a preset there is not', 'preset', { preset: 'hd' }, 'preset'],
    ['a score of 0', 'ratings', { userId: 'r', score: 0 }, 'score'],
    ['a score of 6', 'ratings', { userId: 'r', score: 6 }, 'score'],
    ['half a score', 'ratings', { userId: 'r', score: 2.5 }, 'score'],
    ['a score in words', 'ratings', { userId: 'r', score: '5' }, 'score'],
    ['a rating of nobody', 'ratings', { score: 5 }, 'userId'],
  ]
  for (const [name, verb, body, at] of faulty) {
    it(`is refused: ${name}`, async () => {
      const { id } = await created(newUser())
      const reply = await server.post(`/sessions/${id}/${verb}`, body)
      expect([reply.status, reply.body.code, reply.body.faults?.[0]?.path]).toEqual([400, 'RC_INVALID_INPUT', at])
    })
  }

  it('is refused: a session of nobody', async () => {
    const { status, body } = await server.post('/sessions', { title: 'T' })
    expect([status, body.code, body.faults?.[0]?.path]).toEqual([400, 'RC_INVALID_INPUT', 'userId'])
  })

  it('is refused: a device there is not', async () => {
    const { status, body } = await server.post('/sessions', { userId: newUser(), device: 'toaster' })
    expect([status, body.code, body.faults?.[0]?.path]).toEqual([400, 'RC_INVALID_INPUT', 'device'])
  })

  it('is refused: a goal without a price', async () => {
    const { id } = await created(newUser())
    const { status, body } = await server.put(`/sessions/${id}/goals`, {
      showGoalPairs: [{ title: 'a' }],
      exclusiveGoalPairs: [],
    })
    expect([status, body.code, body.faults?.[0]?.path]).toEqual([400, 'RC_INVALID_INPUT', 'showGoalPairs.0.price'])
  })
})
