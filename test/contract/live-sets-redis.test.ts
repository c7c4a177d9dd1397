import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Attended, LiveSets, OtherNews, StreamNews } from '../../src/audience/index.ts'
import { key, RedisLiveSets } from '../support/redis-live-sets.ts'
import { redisServerBinary } from '../support/redis-server.ts'
import { beat, liveSetsContract, NOW } from './live-sets.ts'

const DAY_MS = 86_400_000
const binary = redisServerBinary()

describe.skipIf(binary === null)('with a Redis,', () => {
  const redis = new RedisLiveSets(binary)

  liveSetsContract('in Redis', async () => ({
    sets: await redis.openWhole(),
    again: () => redis.open(),
    destroy: async () => {},
  }))

  describe('the live sets, as other services read them,', () => {
    let sets: LiveSets<null>

    beforeEach(async () => {
      sets = await redis.openWhole()
    })

    const publish = (other: OtherNews): Promise<void> => sets.publish(0, [], [], other)
    const scores = (name: string): Promise<unknown> => redis.server.raw.zrange(key(name), 0, '-1', 'WITHSCORES')

    test('are under the names that are documented', async () => {
      const viewing = [{ userId: 'a', start: NOW - 1, end: NOW }]
      const snapshots = [{ key: 'streamer', seq: 7, json: '{"title":"t"}' }]
      const attended: Attended[] = [
        [null, 'a'],
        ['s1', 'a'],
      ]
      const streams = [['s1', DAY_MS] as StreamNews]
      const actors = [{ id: 'feed/global', document: {} }]
      const other = { viewing, snapshots, streams, actors }
      await sets.publish(0, [beat('a', NOW, 's1'), beat('b', NOW + 1)], attended, other)
      const { raw } = redis.server
      expect(await raw.get(key('generation'))).toBe('g1')
      expect(await scores('alive')).toEqual(['a', `${NOW}`, 'b', `${NOW + 1}`])
      expect(await scores('alive:s1')).toEqual(['a', `${NOW}`])
      expect(await raw.hgetall(key('watching'))).toEqual({ a: 's1' })
      expect(await scores('streams')).toEqual(['s1', `${NOW}`])
      for (const name of ['attendance', 'attendance:s1']) expect(await raw.smembers(key(name))).toEqual(['a'])
      expect(await raw.get(key('actor:feed:global'))).toBe('{"_id":"feed/global"}')
      expect(await raw.hgetall(key('viewing:a'))).toEqual({ start: `${NOW - 1}`, end: `${NOW}` })
      const snapshot = { generation: 'g1', seq: '7', json: '{"title":"t"}' }
      expect(await raw.hgetall(key('snapshot:streamer'))).toEqual(snapshot)
      const own = ['counting', 'generation', 'rebuild']
      const names = ['actor:feed:global', 'alive', 'alive:s1', 'attendance', 'attendance:s1', ...own]
      expect((await raw.keys('*')).sort()).toEqual(
        [...names, 'snapshot:streamer', 'streams', 'viewing:a', 'watching', 'whole'].map(key),
      )
    })

    test('forget who is no longer alive, wherever they stood', async () => {
      const left = Array.from({ length: 2_500 }, (_, i) => beat(`u${i}`, NOW + (i % 1_000), `s${i % 3}`))
      await sets.publish(0, left, [])
      await sets.publish(1, [beat('newest', NOW + 65_999, 's0')], [])
      const { raw } = redis.server
      expect(await raw.zrange(key('alive'), 0, '-1')).toEqual(['u1999', 'u999', 'newest'])
      expect(await raw.zrange(key('alive:s0'), 0, '-1')).toEqual(['u999', 'newest'])
      expect(await raw.zrange(key('alive:s1'), 0, '-1')).toEqual(['u1999'])
      expect(await raw.exists(key('alive:s2'))).toBe(0)
      expect(await raw.hgetall(key('watching'))).toEqual({ u1999: 's1', u999: 's0', newest: 's0' })
      expect(await scores('streams')).toEqual(['s1', `${NOW + 999}`, 's0', `${NOW + 65_999}`])
    })

    test('forget very many in several goes', async () => {
      const { raw } = redis.server
      await raw.zadd(key('alive'), ...Array.from({ length: 60_000 }, (_, i) => [NOW, `u${i}`]).flat())
      await sets.publish(0, [beat('a', NOW + 65_001)], [])
      expect(await raw.zcard(key('alive'))).toBe(10_001)
      await sets.publish(0, [beat('a', NOW + 65_002)], [])
      expect(await raw.zcard(key('alive'))).toBe(1)
    })

    test('forget now and then, not each time', async () => {
      const { raw } = redis.server
      await sets.publish(0, [beat('a', NOW)], [])
      await raw.config('RESETSTAT')
      for (let second = 1; second < 65; second++) await sets.publish(0, [beat('a', NOW + second * 1_000)], [])
      expect(await raw.info('commandstats')).not.toContain('cmdstat_zrangebyscore')
      await sets.publish(0, [beat('a', NOW + 65_000)], [])
      expect(await raw.info('commandstats')).toContain('cmdstat_zrangebyscore:')
    })

    test('hold nobody as watching who left for another page', async () => {
      await sets.publish(0, [beat('a', NOW, 's1')], [])
      await sets.publish(0, [beat('a', NOW + 1)], [])
      expect(await redis.server.raw.exists(key('watching'))).toBe(0)
    })

    test('hold a stream by the newest beat on it', async () => {
      await sets.publish(0, [beat('a', NOW + 1, 's1'), beat('b', NOW, 's1')], [])
      await sets.publish(1, [beat('c', NOW - 1, 's1')], [])
      expect(await scores('streams')).toEqual(['s1', `${NOW + 1}`])
    })

    test('hold a viewing session and an actor for a day, a snapshot for a week', async () => {
      const { raw } = redis.server
      const actors = [{ id: 'visitor/a/b', document: { value: 'active', seq: 1, at: new Date(NOW) } }]
      const viewing = [{ userId: 'a', start: 1, end: 2 }]
      await publish({ viewing, snapshots: [{ key: 'k', seq: 1, json: '{}' }], actors })
      expect(Math.ceil((await raw.pttl(key('actor:visitor:a/b'))) / DAY_MS)).toBe(1)
      expect(JSON.parse((await raw.get(key('actor:visitor:a/b')))!)).toEqual({
        ...{ _id: 'visitor/a/b', value: 'active', seq: 1, at: '2026-01-01T00:00:00.000Z' },
      })
      expect(Math.ceil((await raw.pttl(key('viewing:a'))) / DAY_MS)).toBe(1)
      expect(Math.ceil((await raw.pttl(key('snapshot:k'))) / DAY_MS)).toBe(7)
    })

    test.each([
      [
        'a run that grew',
        [
          [5, 9],
          [5, 12],
        ],
        [5, 12],
      ],
      [
        'runs that grew together',
        [
          [5, 9],
          [12, 15],
          [5, 15],
        ],
        [5, 15],
      ],
      [
        'a run that began earlier than was known',
        [
          [5, 9],
          [1, 9],
        ],
        [1, 9],
      ],
      [
        'an earlier run',
        [
          [20, 20],
          [1, 9],
        ],
        [20, 20],
      ],
      ['one beat', [[0, 0]], [0, 0]],
    ])('hold the latest viewing session: %s', async (_, runs, [start, end]) => {
      for (const order of [runs, runs.toReversed(), [...runs, ...runs]]) {
        for (const [start, end] of order) await publish({ viewing: [{ userId: 'a', start: start!, end: end! }] })
        expect(await redis.server.raw.hgetall(key('viewing:a'))).toEqual({ start: `${start}`, end: `${end}` })
        await redis.server.raw.del(key('viewing:a'))
      }
    })

    test('hold the newest snapshot of a session', async () => {
      for (const seq of [9, 10, 9]) await publish({ snapshots: [{ key: 'k', seq, json: `${seq}` }] })
      expect(await redis.server.raw.hget(key('snapshot:k'), 'json')).toBe('10')
    })

    test('take no more than 1,000 arguments in a command', async () => {
      const { raw } = redis.server
      const commands: string[][] = []
      const monitor = await raw.monitor()
      monitor.on('monitor', (_time, command: string[]) => commands.push(command))
      const users = Array.from({ length: 1_500 }, (_, i) => `u${i}`)
      const viewing = users.map(userId => ({ userId, start: NOW, end: NOW }))
      const snapshots = users.map(key => ({ key, seq: 1, json: '{}' }))
      const present = users.map(userId => beat(userId))
      await sets.publish(...([0, present, users.map((userId): [string, string] => ['s1', userId])] as const), {
        viewing,
        snapshots,
      })
      await raw.ping()
      await vi.waitUntil(() => commands.some(([name]) => name === 'ping'))
      monitor.disconnect()
      const scripts = commands.filter(([name]) => /^eval/.test(name!))
      expect(Math.max(...scripts.map(([, , keys, ...rest]) => rest.length - Number(keys)))).toBeLessThanOrEqual(1_000)
      expect(await raw.zcard(key('alive'))).toBe(1_500)
      expect(await raw.scard(key('attendance:s1'))).toBe(1_500)
      expect(await raw.exists(...users.flatMap(user => [key(`viewing:${user}`), key(`snapshot:${user}`)]))).toBe(3_000)
    })
  })
})
