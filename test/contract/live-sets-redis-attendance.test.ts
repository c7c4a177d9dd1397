import { beforeEach, describe, expect, test } from 'vitest'
import {
  type Attended,
  type LiveContent,
  type LiveSets,
  LiveSetsLost,
  type StreamNews,
} from '../../src/audience/index.ts'
import { key, RedisLiveSets } from '../support/redis-live-sets.ts'
import { redisServerBinary } from '../support/redis-server.ts'
import { beat } from './live-sets.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const binary = redisServerBinary()
const on = (stream: string, leftMs = DAY_MS): StreamNews => [stream, leftMs]

describe.skipIf(binary === null)('who attended, in Redis,', () => {
  const redis = new RedisLiveSets(binary)
  let sets: LiveSets<null>

  beforeEach(async () => {
    sets = await redis.openWhole()
  })

  const attend = (attended: Attended[], streams = [on('s1')], partition = 0): Promise<void> =>
    sets.publish(partition, [], attended, { streams })
  const count = (name: string): Promise<number> => redis.server.raw.scard(key(name))
  const ttl = (name: string): Promise<number> => redis.server.raw.pttl(key(name))

  test('is counted once, on each stream and in all, over all partitions', async () => {
    const one: Attended[] = [
      [null, 'a'],
      ['s1', 'a'],
      ['s2', 'a'],
    ]
    for (let n = 0; n < 2; n++) await attend(one)
    await attend(
      [
        [null, 'b'],
        ['s1', 'b'],
        [null, 'c'],
      ],
      [on('s1')],
      15,
    )
    expect([await count('attendance'), await count('attendance:s1'), await count('attendance:s2')]).toEqual([3, 2, 1])
  })

  test('stays for ever in all, and on a stream as long as it goes on to count', async () => {
    await attend(
      [
        [null, 'a'],
        ['s1', 'a'],
      ],
      [on('s1', 5_000)],
    )
    expect(await ttl('attendance')).toBe(-1)
    expect(await ttl('attendance:s1')).toBeGreaterThan(5_000)
    expect(await ttl('attendance:s1')).toBeLessThanOrEqual(5_000 + MINUTE_MS)
    await attend([], [on('s1')])
    expect(await ttl('attendance:s1')).toBeGreaterThan(DAY_MS)
    await attend([], [on('s1', 5_000)])
    expect(await ttl('attendance:s1')).toBeGreaterThan(DAY_MS)
  })

  test('leaves no trace of streams that count no more', async () => {
    await attend([['s1', 'a']], [on('s1', -2 * MINUTE_MS)])
    await attend([['s2', 'a']], [on('s2')])
    expect(await redis.server.raw.zrange(key('counting'), 0, '-1')).toEqual(['s2'])
  })

  test('can have any id', async () => {
    const ids = ['__proto__', ':', 'a:b', '{a}', '*', 'a b', 'a\nb', '日本', 'x'.repeat(256)]
    await attend(
      ids.flatMap((id): Attended[] => [
        [null, id],
        [id, id],
      ]),
      ids.map(id => on(id)),
    )
    expect((await redis.server.raw.smembers(key('attendance'))).sort()).toEqual([...ids].sort())
    for (const id of ids) expect(await redis.server.raw.smembers(key(`attendance:${id}`))).toEqual([id])
  })

  describe('up to a cut', () => {
    const publish = (from: number, to: number): Promise<void> => sets.publish(3, [], [[null, 'a']], {}, { from, to })

    test('is known after a rebuild, and after news of the cuts behind it', async () => {
      expect(await sets.holds(3, 0)).toBe(false)
      await sets.rebuild(3, [], 7)
      expect([await sets.holds(3, 7), await sets.holds(3, 6), await sets.holds(4, 7)]).toEqual([true, false, false])
      await publish(7, 9)
      expect([await sets.holds(3, 9), await sets.holds(3, 7)]).toEqual([true, false])
      expect(await (await redis.open()).holds(3, 9)).toBe(true)
    })

    test.each([
      ['later', 8],
      ['earlier', 6],
    ])('takes no news of %s cuts', async (_, from) => {
      await sets.rebuild(3, [], 7)
      await expect(publish(from, 9)).rejects.toThrow(LiveSetsLost)
      expect(await sets.holds(3, 7)).toBe(true)
    })

    test('is known of no other generation', async () => {
      await redis.rebuild(sets)
      await sets.rebuild(3, [], 7)
      expect(await (await redis.open('g2')).holds(3, 7)).toBe(false)
    })
  })

  describe('that is gone', () => {
    const content: LiveContent[] = [
      {
        present: [beat('a')],
        attended: [
          [null, 'a'],
          ['s1', 'a'],
        ],
        streams: [on('s1')],
      },
    ]
    beforeEach(async () => {
      for (const partition of redis.partitions) await sets.rebuild(partition, partition === 0 ? content : [], 7)
    })
    const isUnknown = async (): Promise<void> => {
      expect(await redis.server.raw.exists(key('generation'))).toBe(0)
      for (const partition of redis.partitions) expect(await sets.holds(partition, 7)).toBe(false)
    }

    test('is found where nothing happens', async () => {
      await redis.server.raw.del(key('attendance'))
      expect([await sets.holds(0, 7), await sets.isCurrent(5)]).toEqual([false, false])
      await isUnknown()
    })

    test('is found before somebody new makes it again', async () => {
      await redis.server.raw.del(key('attendance'))
      await expect(attend([[null, 'b']], [])).rejects.toThrow(LiveSetsLost)
      expect(await count('attendance')).toBe(0)
      await isUnknown()
    })

    test('is found of a stream at the next beat on it', async () => {
      await redis.server.raw.del(key('attendance:s1'))
      await expect(attend([], [on('s1')])).rejects.toThrow(LiveSetsLost)
      await isUnknown()
    })

    test('is found of a stream before somebody new, of whatever partition, makes it again', async () => {
      await redis.server.raw.del(key('attendance:s1'))
      await expect(attend([['s1', 'b']], [on('s1')], 9)).rejects.toThrow(LiveSetsLost)
      expect(await count('attendance:s1')).toBe(0)
      await isUnknown()
    })

    test('is not missed of a stream that counts no more', async () => {
      const { raw } = redis.server
      await raw.zadd(key('counting'), Date.now() - 1, 's1')
      await raw.del(key('attendance:s1'))
      await attend([['s1', 'b']], [on('s1')])
      expect(await count('attendance:s1')).toBe(1)
    })

    test('is made anew by a rebuild of all partitions', async () => {
      await redis.server.raw.del(key('attendance'))
      expect(await sets.isCurrent(5)).toBe(false)
      for (const partition of redis.partitions) await sets.rebuild(partition, partition === 0 ? content : [], 8)
      expect([await count('attendance'), await count('attendance:s1'), await sets.holds(9, 8)]).toEqual([1, 1, true])
    })
  })
})
