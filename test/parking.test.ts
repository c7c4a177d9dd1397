import { beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointStore, Claim, RecordKey } from '../src/checkpoint/index.ts'
import { type Parked, Parking } from '../src/partition/parking.ts'
import { seeded } from './support/random.ts'

let parking: Parking
beforeEach(() => {
  parking = new Parking()
})

const parked = (seq: number): Parked => ({
  seq,
  index: 0,
  event: { kind: 'heartbeat', key: 'a', id: `e${seq}`, at: seq, arrival: seq },
})
const fill = (id: string, events: number): void => {
  for (let seq = 1; seq <= events; seq++) parking.add(id, parked(seq))
}

/** What a checkpoint holds of it. */
class Kept {
  readonly records = new Map<string, { names: string[]; value: unknown }>()

  take(from: Parking): void {
    const { puts, removes } = from.takeRecords()
    for (const { names, value } of puts)
      this.records.set(JSON.stringify(names), { names, value: structuredClone(value) })
    for (const { names } of removes) this.records.delete(JSON.stringify(names))
  }

  /** The records as a store answers for those of an actor. */
  readonly store = {
    load: async function* (this: Kept, _claim: Claim, [key]: RecordKey[]) {
      for (const record of this.records.values()) {
        if (record.names[0] === key!.names[0]) yield { ...record, space: 'parked' as const }
      }
    }.bind(this),
  } as unknown as CheckpointStore

  /** Records come by their names, and '10' comes before '2'. */
  restored(): Parking {
    const restored = new Parking()
    const byName = [...this.records].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [, { names, value }] of byName) restored.restore(names, value)
    return restored
  }
}

const listed = (from: Parking) => from.list().sort((a, b) => (a.actor < b.actor ? -1 : 1))

describe('parking', () => {
  test('knows who is parked', () => {
    parking.add('viewer/a', parked(1))
    expect([parking.has('viewer/a'), parking.has('viewer/b')]).toEqual([true, false])
  })

  test('keeps the events of an actor in order', () => {
    fill('viewer/a', 3)
    expect(parking.eventsOf('viewer/a').map(({ id }) => id)).toEqual(['e1', 'e2', 'e3'])
  })

  test('says of the event that stands in the way why, and nothing of those behind it', () => {
    parking.add('viewer/a', parked(1), new Error('poison'))
    parking.add('viewer/a', parked(2))
    expect(parking.list()).toEqual([
      { actor: 'viewer/a', error: 'poison', count: 2, events: [{ ...parked(1), error: 'poison' }, parked(2)] },
    ])
  })

  test('gives all that waits and is free of it', () => {
    fill('viewer/a', 2)
    fill('viewer/b', 1)
    expect(parking.take('viewer/a')).toEqual([parked(1), parked(2)])
    expect([parking.has('viewer/a'), parking.has('viewer/b')]).toEqual([false, true])
  })

  test('gives nothing for an actor that is not parked', () => {
    expect(parking.take('viewer/a')).toEqual([])
  })

  test('says of the first event of a closed actor why the actor is closed', () => {
    parking.close('viewer/a', new Error('unknown version'))
    fill('viewer/a', 2)
    expect(parking.list()[0]!.events.map(({ error }) => error)).toEqual(['unknown version', undefined])
  })

  test('holds a closed actor that has no events, until it is reopened', () => {
    parking.close('viewer/a', new Error('unknown version'))
    expect(parking.has('viewer/a')).toBe(true)
    expect([parking.reopen('viewer/a'), parking.reopen('viewer/a')]).toEqual([true, false])
    expect(parking.has('viewer/a')).toBe(false)
  })

  describe('with 1,000 events at hand', () => {
    beforeEach(() => {
      fill('viewer/a', 400)
      fill('viewer/b', 600)
    })

    test('has room for all of them, and is full for nobody', () => {
      parking.takeRecords()
      parking.evict()
      expect([parking.full, parking.eventsOf('viewer/a').length, parking.eventsOf('viewer/b').length]).toEqual([
        [],
        400,
        600,
      ])
    })

    test('is full for an actor with one more, which is counted and leaves memory once it is committed', () => {
      parking.add('viewer/c', parked(1), new Error('poison'))
      parking.evict()
      expect([parking.full, parking.eventsOf('viewer/c').length]).toEqual([['viewer/c'], 1])
      parking.takeRecords()
      parking.evict()
      expect(parking.list().at(-1)).toEqual({ actor: 'viewer/c', error: 'poison', count: 1, events: [] })
    })

    test('holds no more than that after a restart', () => {
      fill('viewer/c', 5)
      const kept = new Kept()
      kept.take(parking)
      const restored = kept.restored()
      const all = restored.list()
      expect(all.reduce((sum, { count }) => sum + count, 0)).toBe(1_005)
      expect(all.reduce((sum, { events }) => sum + events.length, 0)).toBe(1_000)
      expect(restored.full.length).toBeGreaterThan(0)
    })

    test('takes room again when some were taken', () => {
      parking.add('viewer/c', parked(1))
      parking.take('viewer/a')
      parking.add('viewer/d', parked(1))
      parking.takeRecords()
      parking.evict()
      expect([parking.full, parking.eventsOf('viewer/d').length]).toEqual([['viewer/c'], 1])
    })

    test('gives all of an actor that is fetched from the checkpoint, in order, with what came since', async () => {
      fill('viewer/c', 25)
      const kept = new Kept()
      kept.take(parking)
      parking.evict()
      parking.add('viewer/c', parked(26))
      expect(parking.eventsOf('viewer/c').length).toBe(1)
      await parking.fetch('viewer/c', kept.store, {} as Claim)
      expect(parking.take('viewer/c')).toEqual(Array.from({ length: 26 }, (_, i) => parked(i + 1)))
      kept.take(parking)
      expect([...kept.records.keys()].filter(name => name.includes('viewer/c'))).toEqual([])
    })

    test('tells of no more full actors than doors can hold', () => {
      for (let n = 0; n < 500; n++) parking.add(`viewer/x${n}`, parked(n))
      expect(parking.full.length).toBe(100)
    })
  })

  test('writes an event once, however many come behind it', () => {
    fill('viewer/a', 10)
    parking.takeRecords()
    parking.add('viewer/a', parked(11))
    expect(parking.takeRecords().puts.map(({ names }) => names)).toEqual([['viewer/a', '10']])
  })

  describe('in a checkpoint', () => {
    test('has the events in order, though its records come by name', () => {
      fill('viewer/a', 25)
      const kept = new Kept()
      kept.take(parking)
      expect(kept.restored().take('viewer/a')).toEqual(Array.from({ length: 25 }, (_, i) => parked(i + 1)))
    })

    test('has no record of what was taken', () => {
      const kept = new Kept()
      fill('viewer/a', 3)
      kept.take(parking)
      parking.take('viewer/a')
      kept.take(parking)
      expect(kept.records.size).toBe(0)
    })

    test('has only what is left when fewer events come back than were restored', () => {
      const kept = new Kept()
      fill('viewer/a', 12)
      kept.take(parking)
      const restored = kept.restored()
      restored.take('viewer/a')
      restored.add('viewer/a', parked(99), new Error('again'))
      kept.take(restored)
      expect(kept.restored().list()[0]!.events).toEqual([{ ...parked(99), error: 'again' }])
    })

    test('changes nothing when nothing changed', () => {
      fill('viewer/a', 2)
      parking.takeRecords()
      expect(parking.takeRecords()).toEqual({ puts: [], removes: [] })
    })

    test('comes back as it was, whatever happened between commits and restarts', () => {
      const random = seeded('parking')
      const kept = new Kept()
      for (let step = 1; step <= 3_000; step++) {
        const id = `viewer/${random.int(1, 6)}`
        if (random.chance(0.1)) parking.take(id)
        else if (random.chance(0.9))
          parking.add(id, parked(step), random.chance(0.2) ? new Error(`e${step}`) : undefined)
        if (random.chance(0.1)) kept.take(parking)
        if (random.chance(0.02)) {
          kept.take(parking)
          const restored = kept.restored()
          expect([step, listed(restored)]).toEqual([step, listed(parking)])
          parking = restored
        }
      }
    })
  })
})
