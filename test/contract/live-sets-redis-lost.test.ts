import { beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type Attended,
  type LiveContent,
  type LiveSets,
  LiveSetsLost,
  type OtherNews,
  type StreamNews,
} from '../../src/audience/index.ts'
import { key, RedisLiveSets } from '../support/redis-live-sets.ts'
import { redisServerBinary } from '../support/redis-server.ts'
import { beat, NOW } from './live-sets.ts'

const binary = redisServerBinary()
const attended: Attended[] = [
  [null, 'a'],
  [null, 'b'],
  ['s1', 'a'],
]
const streams = [['s1', 1_000_000] as StreamNews]
const content: LiveContent[] = [{ present: [beat('a', NOW, 's1'), beat('b', NOW)], attended, streams }]

const shown = async (sets: LiveSets<null>): Promise<unknown> => ({
  all: (await sets.alive(NOW))?.sort() ?? null,
  s1: await sets.alive(NOW, 's1'),
})
const UNKNOWN = { all: null, s1: null }
const WHOLE = { all: ['a', 'b'], s1: ['a'] }

const elapsed = async (work: Promise<unknown>): Promise<number> => {
  const began = performance.now()
  await work
  return performance.now() - began
}

describe.skipIf(binary === null)('the live sets in Redis,', () => {
  const redis = new RedisLiveSets(binary)
  let sets: LiveSets<null>

  beforeEach(async () => {
    sets = await redis.openWhole(content)
  })

  describe('when it lost them,', () => {
    test('are unknown', async () => {
      expect(await shown(sets)).toEqual(WHOLE)
      await redis.server.flush()
      expect(await shown(sets)).toEqual(UNKNOWN)
    })

    test.each<[string, LiveContent & OtherNews]>([
      ['beats', { present: [beat('a', NOW + 1, 's1')] }],
      ['attendance', { attended: [['s1', 'a']] }],
      ['viewing sessions', { viewing: [{ userId: 'a', start: 1, end: 2 }] }],
      ['snapshots', { snapshots: [{ key: 'k', seq: 1, json: '{}' }] }],
      ['snapshots of actors', { actors: [{ id: 'viewer/k', document: {} }] }],
    ])('take no %s until they are rebuilt', async (_, { present = [], attended = [], ...other }) => {
      await redis.server.flush()
      await expect(sets.publish(0, present, attended, other)).rejects.toThrow(LiveSetsLost)
      await expect(sets.publish(0, present, attended, other)).rejects.toThrow(LiveSetsLost)
      expect(await redis.server.raw.keys('*')).toEqual([])
      await redis.rebuild(sets)
      await sets.publish(0, present, attended, other)
      expect((await redis.server.raw.keys('*')).length).toBeGreaterThan(3)
    })

    test('are not current, also in a partition in which nothing happens', async () => {
      expect(await sets.isCurrent(5)).toBe(true)
      await redis.server.flush()
      expect(await sets.isCurrent(5)).toBe(false)
    })

    test('are known again when the last partition is rebuilt', async () => {
      await redis.server.flush()
      for (const partition of redis.partitions) {
        expect(await shown(sets)).toEqual(UNKNOWN)
        await sets.rebuild(partition, partition === 0 ? content : [])
      }
      expect(await shown(sets)).toEqual(WHOLE)
    })

    test('are not taken for whole if it was during a rebuild, though others began after that', async () => {
      const other = await redis.open()
      const source = async function* (): AsyncGenerator<LiveContent> {
        yield* content
        await redis.server.flush()
        await other.rebuild(1, [])
        yield { present: [beat('c')] }
      }
      await expect(sets.rebuild(0, source())).rejects.toThrow(LiveSetsLost)
      expect(await redis.server.raw.smembers(key('whole'))).toEqual(['1'])
    })

    test('are not taken for whole if it was at the end of a rebuild', async () => {
      const source = async function* (): AsyncGenerator<LiveContent> {
        yield* content
        await redis.server.flush()
      }
      await expect(sets.rebuild(0, source())).rejects.toThrow(LiveSetsLost)
      expect(await redis.server.raw.keys('*')).toEqual([])
    })

    test('are made anew if it was the generation alone', async () => {
      await redis.server.raw.del(key('generation'))
      expect(await shown(sets)).toEqual(UNKNOWN)
      await expect(sets.publish(3, [beat('c')], [])).rejects.toThrow(LiveSetsLost)
      expect(await sets.isCurrent(4)).toBe(false)
      await redis.rebuild(sets, [{ present: [beat('a', NOW, 's2')] }])
      expect(await shown(sets)).toEqual({ all: ['a'], s1: [] })
    })
  })

  describe('when a partition is rebuilt,', () => {
    test('are unknown meanwhile', async () => {
      const source = async function* (): AsyncGenerator<LiveContent> {
        expect(await shown(sets)).toEqual(UNKNOWN)
        yield* content
      }
      await sets.rebuild(0, source())
      expect(await shown(sets)).toEqual(WHOLE)
    })

    test('are not current until it is done', async () => {
      const source = async function* (): AsyncGenerator<LiveContent> {
        expect(await sets.isCurrent(0)).toBe(false)
        yield* content
      }
      await sets.rebuild(0, source())
      expect(await sets.isCurrent(0)).toBe(true)
    })

    test('are not whole if its source failed', async () => {
      const source = async function* (): AsyncGenerator<LiveContent> {
        yield* content
        throw new Error('cannot be read')
      }
      await expect(sets.rebuild(0, source())).rejects.toThrow(/^cannot be read/)
      expect([await sets.isCurrent(0), await sets.isCurrent(1)]).toEqual([false, true])
      expect(await shown(sets)).toEqual(UNKNOWN)
    })

    test('are not whole if something published meanwhile failed', async () => {
      const source = async function* (): AsyncGenerator<LiveContent> {
        redis.server.freeze()
        await expect(sets.publish(0, [beat('c')], [])).rejects.toThrow('timed out')
        redis.server.thaw()
        await redis.reached(sets)
        yield* content
      }
      await expect(sets.rebuild(0, source())).rejects.toThrow(LiveSetsLost)
      expect(await shown(sets)).toEqual(UNKNOWN)
    })

    test('belong, in it, to whoever does it', async () => {
      const other = await redis.open()
      await other.rebuild(0, [])
      expect(await sets.isCurrent(0)).toBe(false)
      await expect(sets.publish(0, [beat('c')], [])).rejects.toThrow(LiveSetsLost)
      await sets.publish(1, [beat('d')], [])
      expect(await other.isCurrent(0)).toBe(true)
    })
  })

  describe('of another generation,', () => {
    test('are unknown', async () => {
      const later = await redis.open('g2')
      expect(await shown(later)).toEqual(UNKNOWN)
    })

    test('are replaced', async () => {
      const later = await redis.open('g2')
      await redis.rebuild(later, [{ present: [beat('c', NOW, 's2')] }])
      expect(await later.alive(NOW)).toEqual(['c'])
      const { raw } = redis.server
      const names = ['alive', 'alive:s2', 'generation', 'rebuild', 'streams', 'watching', 'whole']
      expect((await raw.keys('*')).sort()).toEqual(names.map(key))
      expect(await raw.hgetall(key('watching'))).toEqual({ c: 's2' })
      expect(await raw.zrange(key('streams'), 0, '-1')).toEqual(['s2'])
    })

    test('are over from the first rebuild on, and this one is not whole before the last', async () => {
      const later = await redis.open('g2')
      await later.rebuild(0, [])
      expect(await shown(sets)).toEqual(UNKNOWN)
      await expect(sets.publish(5, [beat('a', NOW + 1)], [])).rejects.toThrow(LiveSetsLost)
      expect(await shown(later)).toEqual(UNKNOWN)
    })

    test('give way to a snapshot of this one whatever its seq', async () => {
      await sets.publish(0, [], [], { snapshots: [{ key: 'k', seq: 9, json: 'old' }] })
      await redis.rebuild(await redis.open('g2'), [{ snapshots: [{ key: 'k', seq: 1, json: 'new' }] }])
      expect(await redis.server.raw.hget(key('snapshot:k'), 'json')).toBe('new')
    })
  })

  describe('when it is away,', () => {
    test('killed, reject at once', async () => {
      await redis.server.kill()
      await expect(sets.holds(0, 1)).rejects.toThrow('Redis: ')
      const works = [sets.publish(0, [beat('b')], []), sets.alive(NOW), sets.rebuild(1, content), sets.isCurrent(2)]
      await Promise.all(works.map(work => expect(work).rejects.toThrow("Redis: Stream isn't writeable")))
    })

    test('killed under way, reject before it would count as frozen', async () => {
      redis.server.freeze()
      const rejected = expect(sets.alive(NOW)).rejects.toThrow('Redis: Reached the max retries')
      await redis.server.kill()
      await rejected
    })

    test('killed, come back unknown, and can be rebuilt', async () => {
      await redis.server.restart()
      await redis.reached(sets)
      expect(await shown(sets)).toEqual(UNKNOWN)
      await redis.rebuild(sets, content)
      expect(await shown(sets)).toEqual(WHOLE)
    })

    test('frozen, reject within about a second', async () => {
      redis.server.freeze()
      const many = Array.from({ length: 20_000 }, (_, i) => beat(`u${i}`))
      const works = [sets.publish(0, many, []), sets.alive(NOW), sets.holds(1, 1), sets.isCurrent(1)]
      const times = [...works, sets.rebuild(2, [])].map(work => elapsed(expect(work).rejects.toThrow('timed out')))
      expect(Math.max(...(await Promise.all(times)))).toBeLessThan(1_500)
    })

    test('thawed, want the partition rebuilt of which they lack something', async () => {
      redis.server.freeze()
      await expect(sets.publish(0, [beat('c')], [])).rejects.toThrow('timed out')
      expect(await elapsed(expect(sets.publish(0, [beat('d')], [])).rejects.toThrow(LiveSetsLost))).toBeLessThan(100)
      redis.server.thaw()
      await redis.reached(sets)
      expect([await sets.isCurrent(0), await sets.isCurrent(1)]).toEqual([false, true])
      await sets.rebuild(0, [{ present: [beat('c'), beat('d')] }])
      expect((await sets.alive(NOW))?.sort()).toEqual(['a', 'b', 'c', 'd'])
    })

    test('frozen for long, look for it elsewhere', async () => {
      redis.server.freeze()
      await expect(sets.alive(NOW)).rejects.toThrow('timed out')
      await vi.waitUntil(() => redis.told.length > 0, 10_000)
      expect(redis.told).toEqual([expect.stringContaining('Socket timeout')])
      redis.server.thaw()
      await redis.reached(sets)
      expect(await shown(sets)).toEqual(WHOLE)
    })

    test('open without it, and are there when it is', async () => {
      await redis.server.kill()
      const late = await redis.open()
      await expect(late.rebuild(0, [])).rejects.toThrow('Redis: ')
      await redis.server.restart()
      await redis.reached(late)
      await redis.rebuild(late, content)
      expect(await shown(late)).toEqual(WHOLE)
    })

    test('say so, once until it is back', async () => {
      await sets.close()
      await redis.server.kill()
      redis.told = []
      const late = await redis.open()
      // Another client tries far more often meanwhile.
      let tries = 0
      redis.server.raw.on('reconnecting', () => tries++)
      await vi.waitUntil(() => tries > 40, 10_000)
      expect(redis.told).toEqual([expect.stringMatching(/^Redis: connect ECONNREFUSED/)])
      await redis.server.restart()
      await redis.reached(late)
      await redis.server.kill()
      await vi.waitUntil(() => redis.told.length === 2)
    })

    test('tell nothing of what was published in their errors', async () => {
      await redis.server.raw.set(key('alive'), 'no set')
      const error = await sets.publish(0, [beat('secret')], []).catch((thrown: Error) => thrown)
      expect(error?.message).toMatch(/^Redis: .*WRONGTYPE/)
      expect(JSON.stringify({ ...error })).not.toContain('secret')
    })

    test('closed, take nothing', async () => {
      await sets.close()
      await expect(sets.publish(0, [beat('a')], [])).rejects.toThrow('Redis: ')
    })
  })
})
