import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Event } from '../../actors/event.ts'
import type { Waiting } from '../../src/effects/outbox.ts'
import { partitionOf } from '../../src/log/partition-of.ts'
import type { Positions } from '../../src/log/positions.ts'
import type { Owner } from '../../src/ownership/index.ts'
import { type OwnShards, ownShards, PARTITIONS } from '../support/own-shards.ts'

export interface OpenedOwner {
  owner: Owner
  close(): Promise<void>
}

const WITHIN_MS = 20_000
const SHORT_MS = 50
/** An effect that is not done as long as Pusher gives no answer. */
const NEEDS_PUSHER = 'notify_viewers_livestream_online'

const event = (kind: string, key: string, facts: object): Event => {
  const at = Date.now()
  return { ...{ kind, key, id: `${kind}-${key}`, at, arrival: at }, ...facts }
}
const beat = (user: string, stream: string): Event =>
  event('heartbeat', user, { path: `/live/${stream}`, stream, country: 'TW', groups: [] })
const start = (streamer: string, userTags: unknown = []): Event =>
  event('session.start', streamer, { fresh: streamer, sourceId: null, title: null, device: null, userTags, price: 1 })
const keysOf = (partition: number): string[] =>
  Array.from({ length: 100 }, (_, n) => `key-${n}`).filter(key => partitionOf(key, PARTITIONS) === partition)

/** An owner as bridges ask it, over shards that are in this process. */
export function ownerContract(name: string, open: (shards: OwnShards) => Promise<OpenedOwner>): void {
  describe(`the owner, ${name},`, () => {
    let shards: OwnShards
    let opened: OpenedOwner
    let owner: Owner

    beforeAll(async () => {
      shards = await ownShards()
      opened = await open(shards)
      owner = opened.owner
    })
    afterAll(async () => {
      await opened.close()
      await shards.close()
    })

    const settled = async (positions: Positions): Promise<void> => {
      await Promise.all([...positions].map(([partition, seq]) => owner.settled(partition, seq, WITHIN_MS)))
    }
    const apply = async (...events: Event[]): Promise<Positions> => {
      const positions = await shards.append(events)
      await settled(positions)
      return positions
    }

    test('counts and names the viewers of a stream and of all, over all shards', async () => {
      const before = (await owner.audience()).all
      const users = Array.from({ length: 20 }, (_, n) => `viewer-${n}`)
      await apply(...users.map((user, n) => beat(user, n < 15 ? 'first' : 'second')))
      expect(await owner.audienceOf('first')).toEqual({ alive: 15, attendance: 15 })
      // Until all partitions have told who was there before, nobody knows.
      await vi.waitFor(async () => expect(await owner.alive('second')).toEqual(users.slice(15).sort()))
      const { all, bySession } = await owner.audience()
      expect([all.alive - before.alive, all.attendance - before.attendance]).toEqual([20, 20])
      expect(Object.fromEntries(bySession)).toMatchObject({ second: { alive: 5, attendance: 5 } })
    })

    test('knows nobody on a stream that there is not', async () => {
      expect([await owner.audienceOf('none'), await owner.alive('none')]).toEqual([{ alive: 0, attendance: 0 }, []])
    })

    test.each([0, 1, 2, 3])('shows an actor of partition %d, with the shard it lives in', async partition => {
      const [key] = keysOf(partition)
      await apply(beat(key!, 'shown'))
      expect(await owner.actor(partition, 'viewer', key!)).toMatchObject({
        ...{ kind: 'viewer', key, partition, shard: partition % 2, seq: expect.any(Number) },
        snapshot: { context: { last: { stream: 'shown' } } },
      })
    })

    test('has no snapshot of an actor that nothing came for', async () => {
      const { snapshot } = await owner.actor(1, 'viewer', 'nobody')
      expect(snapshot ?? null).toBeNull()
    })

    test('lists what is parked, of one partition or of all', async () => {
      const [here, there] = [keysOf(0)[1]!, keysOf(3)[1]!]
      await apply(start(here, 'no list'), start(there, 'no list'))
      const actors = (parked: { partition: number; actor: string }[]) =>
        parked.map(({ partition, actor }) => [partition, actor])
      const parkedHere = [0, `streamer-session/${here}`]
      expect(actors(await owner.parked(0))).toContainEqual(parkedHere)
      expect(actors(await owner.parked(0))).not.toContainEqual([3, `streamer-session/${there}`])
      expect(actors(await owner.parked())).toEqual(
        expect.arrayContaining([parkedHere, [3, `streamer-session/${there}`]]),
      )
    })

    test('lists effects that are not done, the newest first, no more than asked for', async () => {
      const actors = [keysOf(1)[2]!, keysOf(2)[2]!].map(streamer => `streamer-session/${streamer}`)
      for (const partition of [1, 2]) await apply(start(keysOf(partition)[2]!))
      const stuck = async (...asked: Parameters<Owner['effects']>): Promise<Waiting[]> =>
        (await owner.effects(...asked)).filter(({ kind }) => kind === NEEDS_PUSHER)
      const all = await stuck({}, 1_000)
      expect(all.map(({ actor }) => actor).sort()).toEqual([...actors].sort())
      expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).sort((a, b) => b - a))
      expect(await stuck({ actor: actors[0], state: 'waiting' }, 1_000)).toMatchObject([{ actor: actors[0] }])
      expect(await owner.effects({ actor: actors[0], state: 'parked' }, 1_000)).toEqual([])
      expect(await owner.effects({}, 1)).toHaveLength(1)
    })

    test('says of every partition that it goes on, how far it is, and what time it is there', async () => {
      const [key] = keysOf(2)
      const [[, seq]] = [...(await apply(beat(key!, 'far')))] as [[number, number]]
      const states = await owner.states()
      expect(states.map(({ partition, stopped }) => [partition, stopped]).sort()).toEqual(
        Array.from({ length: PARTITIONS }, (_, partition) => [partition, null]),
      )
      expect(states.find(({ partition }) => partition === 2)!.applied).toBeGreaterThanOrEqual(seq)
      for (const { now } of states) expect(Math.abs(now! - Date.now())).toBeLessThan(10_000)
    })

    test('tells in time of a position that is not there yet', async () => {
      const waiting = owner.settled(0, 1_000_000, SHORT_MS)
      await expect(waiting).rejects.toMatchObject({ code: expect.stringMatching(/^RC_(WAIT|SHARD)_TIMEOUT$/) })
    })

    test('answers with more than one message has room for', async () => {
      const streams = Array.from({ length: 100 }, (_, n) => `stream-${n}-${'ü'.repeat(100)}`)
      await apply(...streams.map((stream, n) => beat(`user-${n}`, stream)))
      const { bySession } = await owner.audience()
      expect(streams.filter(stream => !bySession.some(([id, { alive }]) => id === stream && alive === 1))).toEqual([])
    })

    test('answers a question about a partition that there is not with its error', async () => {
      const questions = [
        () => owner.settled(99, 1, SHORT_MS),
        () => owner.actor(99, 'viewer', 'x'),
        () => owner.parked(99),
      ]
      for (const ask of questions) {
        await expect(ask()).rejects.toMatchObject({ code: 'RC_NOT_FOUND', message: 'There is no partition 99.' })
      }
    })
  })
}
