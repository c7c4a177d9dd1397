import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LiveSets, ViewerPresence } from '../../src/audience/index.ts'
import { seeded } from '../support/random.ts'

/** Fresh, empty sets, in which all partitions are whole. */
export interface OpenedLiveSets {
  sets: LiveSets<null>
  /** another handle on the same sets */
  again(): Promise<LiveSets<null>>
  destroy(): Promise<void>
}

export const NOW = 1_767_225_600_000

export const beat = (userId: string, at = NOW, stream: string | null = null): ViewerPresence => ({ userId, at, stream })

/** What live sets of every kind do. */
export function liveSetsContract(name: string, open: () => Promise<OpenedLiveSets>): void {
  describe(`the live sets, ${name},`, () => {
    let opened: OpenedLiveSets
    let sets: LiveSets<null>

    beforeEach(async () => {
      opened = await open()
      sets = opened.sets
    })
    afterEach(() => opened.destroy())

    const alive = async (since: number, stream?: string) => (await sets.alive(since, stream))?.sort()

    test('are empty at first', async () => {
      expect([await alive(0), await alive(0, 's1')]).toEqual([[], []])
    })

    describe('of who is alive,', () => {
      test('hold those whose newest beat is at or after the time asked for', async () => {
        await sets.publish(0, [beat('a', NOW - 1), beat('b', NOW), beat('c', NOW + 1)], [])
        expect(await alive(NOW)).toEqual(['b', 'c'])
      })

      test('hold who beat 65 s before the newest', async () => {
        await sets.publish(0, [beat('a', NOW - 65_000, 's1')], [])
        await sets.publish(0, [beat('b', NOW)], [])
        expect(await alive(NOW - 65_000)).toEqual(['a', 'b'])
        expect(await alive(NOW - 65_000, 's1')).toEqual(['a'])
      })

      test('hold them though the clock of another is ahead', async () => {
        const now = Date.now()
        await sets.publish(0, [beat('a', now - 10_000, 's1'), beat('b', now + 60_000, 's1')], [])
        expect(await alive(now - 65_000)).toEqual(['a', 'b'])
        expect(await alive(now - 65_000, 's1')).toEqual(['a', 'b'])
      })

      test('tell one stream from the others', async () => {
        await sets.publish(0, [beat('a', NOW, 's1'), beat('b', NOW, 's2'), beat('c', NOW), beat('d', NOW, 's1')], [])
        expect(await alive(NOW, 's1')).toEqual(['a', 'd'])
        expect(await alive(NOW, 's2')).toEqual(['b'])
        expect(await alive(NOW)).toEqual(['a', 'b', 'c', 'd'])
      })

      test('hold a viewer only on the stream of the newest beat', async () => {
        await sets.publish(0, [beat('a', NOW, 's1')], [])
        await sets.publish(0, [beat('a', NOW + 1, 's2')], [])
        expect(await alive(NOW, 's1')).toEqual([])
        expect(await alive(NOW, 's2')).toEqual(['a'])
        expect(await alive(NOW)).toEqual(['a'])
      })

      test('hold a viewer who left for another page on no stream', async () => {
        await sets.publish(0, [beat('a', NOW, 's1')], [])
        await sets.publish(0, [beat('a', NOW + 1, null)], [])
        expect(await alive(NOW, 's1')).toEqual([])
        expect(await alive(NOW)).toEqual(['a'])
      })

      test('do not go back to an older beat', async () => {
        await sets.publish(0, [beat('a', NOW, 's2')], [])
        await sets.publish(0, [beat('a', NOW - 1, 's1')], [])
        expect(await alive(NOW)).toEqual(['a'])
        expect(await alive(NOW - 1, 's1')).toEqual([])
        expect(await alive(NOW, 's2')).toEqual(['a'])
      })

      test('add up over partitions', async () => {
        await sets.publish(0, [beat('a', NOW, 's1')], [])
        await sets.publish(15, [beat('b', NOW, 's1')], [])
        expect(await alive(NOW, 's1')).toEqual(['a', 'b'])
      })

      test('take thousands at once', async () => {
        const present = Array.from({ length: 5_000 }, (_, i) => beat(`u${i}`, NOW, `s${i % 2}`))
        await sets.publish(0, present, [])
        expect(await alive(NOW)).toHaveLength(5_000)
        expect(await alive(NOW, 's1')).toHaveLength(2_500)
      })

      test('end the same whatever the order and repetition of what was published', async () => {
        const random = seeded('order of beats')
        const users = Array.from({ length: 10 }, (_, i) => `u${i}`)
        const beats = random
          .shuffle(Array.from({ length: 80 }, (_, i) => i))
          .map((ms, i) => beat(users[i % 10]!, NOW + ms, random.pick([null, 's1', 's2'])))
        const newest = users.map(user =>
          beats.filter(({ userId }) => userId === user).reduce((a, b) => (a.at > b.at ? a : b)),
        )
        const published = random.shuffle([...beats, ...random.shuffle(beats).slice(0, 40)])
        for (const part of random.cut(published, 7)) await sets.publish(random.int(0, 3), part, [])
        for (const since of [NOW, NOW + 40, NOW + 70, NOW + 80]) {
          const late = newest.filter(({ at }) => at >= since)
          expect(await alive(since)).toEqual(late.map(({ userId }) => userId).sort())
          for (const stream of ['s1', 's2'])
            expect(await alive(since, stream)).toEqual(
              late.flatMap(each => (each.stream === stream ? [each.userId] : [])).sort(),
            )
        }
      })
    })

    describe('when a partition is rebuilt,', () => {
      test('hold all that its owner tells of it', async () => {
        await sets.rebuild(3, [{ present: [beat('a', NOW, 's1')], attended: [['s1', 'a']] }, { present: [beat('b')] }])
        expect([await alive(NOW), await alive(NOW, 's1')]).toEqual([['a', 'b'], ['a']])
      })

      test('keep what they held of it and of others', async () => {
        await sets.publish(0, [beat('a', NOW, 's1')], [['s1', 'a']])
        await sets.publish(1, [beat('b', NOW, 's1')], [['s1', 'b']])
        await sets.rebuild(0, [{ present: [beat('a', NOW - 1, 's2')] }])
        expect(await alive(NOW, 's1')).toEqual(['a', 'b'])
      })

      test('hold what is published meanwhile', async () => {
        await sets.rebuild(
          0,
          (async function* () {
            await sets.publish(0, [beat('a', NOW + 1, 's2')], [])
            yield { present: [beat('a', NOW, 's1')] }
          })(),
        )
        expect([await alive(NOW, 's1'), await alive(NOW, 's2')]).toEqual([[], ['a']])
      })

      test('are current', async () => {
        await sets.rebuild(0, [])
        expect(await sets.isCurrent(0)).toBe(true)
      })
    })

    test('can hold any id', async () => {
      const ids = [
        ...['__proto__', 'constructor', 'null', 'undefined', ':', 'a:b', '{a}', '*', 'a b', 'a\nb', '日本', '👩‍🚀'],
        ...['x'.repeat(256), `${'x'.repeat(255)}y`],
      ]
      await sets.publish(
        0,
        ids.map(id => beat(id, NOW, id)),
        ids.map(id => [id, id]),
      )
      expect(await alive(NOW)).toEqual([...ids].sort())
      for (const id of ids) expect(await alive(NOW, id)).toEqual([id])
    })

    test('are the same on a second handle', async () => {
      const other = await opened.again()
      await sets.publish(0, [beat('a', NOW, 's1')], [['s1', 'a']])
      expect(await other.alive(NOW, 's1')).toEqual(['a'])
    })
  })
}
