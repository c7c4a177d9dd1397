import { describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import type { ActorKind } from '../actors/index.ts'
import { INCARNATION } from './support/checkpoint-records.ts'
import { guest } from './support/guest.ts'
import { NOON, OnePartition, tick } from './support/one-partition.ts'

const seen = (key: string, room: string, at = NOON): Event => ({
  ...{ kind: 'guest.seen', key, id: '', at, arrival: at },
  room,
})
const decide = (verb: 'retry' | 'drop', key = 'ann'): Event => ({
  ...{ kind: `parked.${verb}`, key, id: '', at: NOON, arrival: NOON },
  actor: `guest/${key}`,
})
const POISON = 'the cellar'

/** A guest that can be had in every way but one, by a guest called ann. */
const spoilt: Record<string, Partial<ActorKind>> = {
  read: {
    read(event) {
      if (event.room === POISON) throw new Error('no')
      return event
    },
  },
  needs: {
    needs(_context, on) {
      if ('room' in on && on.room === POISON) throw new Error('no')
      return []
    },
  },
  'names of parts': { needs: (_context, on) => ('room' in on && on.room === POISON ? [[{} as string]] : []) },
  'names of counters': {
    tallyRecords: (_context, { at, room }) => [['window', room === POISON ? 'x'.repeat(10_000) : String(at)]],
  },
  'what is counted': {
    tallyRecords(_context, { at, room }) {
      if (room === POISON) throw new Error('no')
      return [['window', String(at)]]
    },
  },
  receive: {
    receive(event, context, facts) {
      if (event.room === POISON) throw new Error('no')
      return guest.receive(event, context, facts)
    },
  },
  projection: {
    project(before, after, key, projection) {
      guest.project(before, after, key, projection)
      if (after.last?.stream === POISON) throw new Error('no')
    },
  },
  'ids of documents': {
    project(before, after, key, projection) {
      guest.project(before, after, key, projection)
      if (after.last?.stream === POISON) projection.upsert('stays', undefined as unknown as string, {})
    },
  },
  tally: {
    tally(before, after, key, event, tally) {
      guest.tally!(before, after, key, event, tally)
      if (after.last?.stream === POISON) throw new Error('no')
    },
  },
}

const stateOf = (one: OnePartition) => ({
  alive: one.partition.counters.alive(NOON),
  deadlines: [...one.partition.wheel.entries()],
  effects: one.effects.map(({ id }) => id),
  outbox: one.partition.outbox.size,
  writes: one.writes.filter(({ collection }) => collection !== 'statistics'),
  counted: one.writes.filter(({ collection }) => collection === 'statistics').at(-1)?.set?.viewerCount,
})

for (const [what, flaw] of Object.entries(spoilt)) {
  describe(`an event whose ${what} fails`, () => {
    const kinds = [{ ...guest, ...flaw }]

    test('changes nothing and is parked, and others go on', async () => {
      const [one, without] = await Promise.all([OnePartition.claim({ kinds }), OnePartition.claim({ kinds: [guest] })])
      await one.apply(seen('bob', 'bar'), seen('ann', POISON), seen('eve', 'bar'))
      await without.apply(seen('bob', 'bar'), tick(NOON), seen('eve', 'bar'))
      expect(stateOf(one)).toEqual(stateOf(without))
      expect([await one.view('guest', 'ann'), one.partition.parking.list()]).toMatchObject([
        undefined,
        [{ actor: 'guest/ann', error: expect.stringMatching(/./), count: 1 }],
      ])
    })

    test('changes nothing of an actor that was there before', async () => {
      const one = await OnePartition.claim({ kinds })
      await one.apply(seen('ann', 'bar'))
      const before = [stateOf(one), await one.view('guest', 'ann')]
      await one.apply(seen('ann', POISON, NOON + 1))
      expect([stateOf(one), await one.view('guest', 'ann')]).toEqual(before)
    })
  })
}

describe('an answer that its actor cannot take', () => {
  const kinds: ActorKind[] = [
    {
      ...guest,
      read(event) {
        if (event.kind === 'guest.key' && typeof event.door !== 'string') throw new Error('no door')
        return event
      },
    },
  ]
  const key = (door: unknown, effect = 'guest/ann:1:0'): Event => ({
    ...{ kind: 'guest.key', key: 'ann', id: effect, at: NOON, arrival: NOON },
    ...{ effect, door },
  })

  test('leaves its effect in the outbox, which holds nobody up', async () => {
    const one = await OnePartition.claim({ kinds })
    await one.apply(seen('ann', 'bar'), key(7))
    expect([one.partition.outbox.size, one.partition.readableUntil]).toEqual([1, 2])
  })

  test('is asked for once more when it is dropped, and then counts', async () => {
    const one = await OnePartition.claim({ kinds })
    await one.apply(seen('ann', 'bar'), key(7), seen('ann', 'hall', NOON + 1), decide('drop'))
    expect(one.effects.map(({ id }) => id)).toEqual(['guest/ann:1:0', 'guest/ann:1:0'])
    await one.apply(key('12'))
    expect([one.partition.outbox.size, (await one.view('guest', 'ann')).context]).toMatchObject([0, { door: '12' }])
  })

  test('counts once, whatever else is parked behind it', async () => {
    const one = await OnePartition.claim({ kinds })
    await one.apply(seen('ann', 'bar'), key(7), key('12'), key('13'), decide('drop'))
    expect([one.partition.outbox.size, (await one.view('guest', 'ann')).context]).toMatchObject([0, { door: '12' }])
  })

  test('counts by a retry where a former version took its effect out of the outbox when it was parked', async () => {
    const one = await OnePartition.claim({ kinds })
    const parked = { seq: 1, index: 0, event: key('12'), error: 'a mistake of that version' }
    const puts = [{ space: 'parked' as const, names: ['guest/ann', '0'], value: parked }]
    await one.store.commit(await one.store.claim(0, 'test'), 1, {
      incarnation: INCARNATION,
      mark: null,
      puts,
      removes: [],
    })
    await one.restart()
    await one.apply(decide('retry'))
    expect((await one.view('guest', 'ann')).context).toMatchObject({ door: '12' })
  })
})

describe('a claim of an epoch that is none', () => {
  test('does not keep ticks from counting', async () => {
    const one = await OnePartition.claim({ kinds: [guest] })
    const claim = (epoch: unknown): Event => ({ kind: 'claim', key: '', id: '', at: NOON, arrival: NOON, epoch })
    await one.apply(claim(1), claim('x'), claim({}), claim(undefined), seen('ann', 'bar'), tick(NOON + 65_000, 1))
    expect([...one.partition.wheel.entries()]).toEqual([])
  })
})
