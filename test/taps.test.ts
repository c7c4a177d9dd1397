import { describe, expect, test } from 'vitest'
import { type AnyMachineSnapshot, createActor, type EventObject, transition } from 'xstate'
import type { Event } from '../actors/event.ts'
import { viewer } from '../machines/index.ts'
import { edgeOf, edgesOf, stateName } from '../src/inspect/edges.ts'
import type { Frame } from '../src/inspect/frame.ts'
import { Minute } from '../src/inspect/minute.ts'
import { Ring } from '../src/inspect/ring.ts'
import { UNASKED_MS } from '../src/inspect/tap.ts'
import { Watching } from '../src/shard/watching.ts'
import { NOON, OnePartition, tick } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'
import { snapshotsOf, TRIED } from './support/tried-machines.ts'

const beat = (key: string, at: number, facts: object = {}): Event => ({
  ...{ kind: 'heartbeat', key, id: '', at, arrival: at, path: '/', stream: null, country: 'TW', groups: [], ...facts },
})

async function watched() {
  const one = await OnePartition.claim()
  const [time, faults] = [new ManualTime(), toldFaults()]
  const watching = new Watching(time, faults)
  let place: string | null = null
  /** What came since this was last asked. */
  const look = async (key = 'ann') => {
    const seen = await watching.watch(one.partition, 'viewer', key, place, 0)
    place = seen.next
    return seen
  }
  return { one, time, faults, watching, look }
}

describe('the edge of an event', () => {
  test.each(TRIED)('is the one that XState takes in the machine $id', ({ machine, events }) => {
    const snapshots = snapshotsOf({ machine, events })
    for (const [i, event] of events.entries()) {
      const before = snapshots[i] as AnyMachineSnapshot
      const [from, type, n] = edgeOf(machine, before, event)!.split('|') as [string, string, string]
      const node = from === '' ? machine.root : machine.root.states[from]!
      const taken = node.transitions.get(type)![Number(n)]!
      expect([from === '' || from === stateName(before.value), type]).toEqual([true, event.type])
      const to = taken.target?.[0]?.key ?? String(before.value)
      const [next] = transition(machine, before, event as EventObject)
      const [edge, always] = edgesOf(machine, before, event, next)
      expect(edge).toBe(edgeOf(machine, before, event))
      const [led, none, m] = always?.split('|') ?? []
      expect(
        led === undefined ? to : [led, none, machine.root.states[led]!.always![Number(m)]!.target![0]!.key],
      ).toEqual(led === undefined ? next.value : [to, '', next.value])
    }
  })

  test('has the number of the first whose guard lets it through', () => {
    const first = { type: 'heartbeat', beat: { at: NOON, path: '/', stream: null, country: 'ZZ', groups: [] } }
    const rules = { gapMs: 300_000, lateMs: 1_000 }
    const heard = { ...first, show: null, arrival: NOON, frozen: [], rules }
    const born = createActor(viewer).start().getSnapshot()
    const [watching] = transition(viewer, born, heard as never)
    const late = { ...heard, beat: { ...first.beat, at: NOON - 60_000 } }
    expect([heard, heard, late].map((event, i) => edgeOf(viewer, i === 0 ? born : watching, event))).toEqual([
      'unseen|heartbeat|0',
      'watching|heartbeat|1',
      'watching|heartbeat|0',
    ])
    expect(edgeOf(viewer, born, { type: 'deadline' })).toBeNull()
  })

  test('and its state have names in machines of nested and parallel states too', () => {
    expect([stateName('a'), stateName({ a: 'b' }), stateName({ a: { b: 'c' }, d: 'e' }), stateName({})]).toEqual([
      ...['a', 'a.b', 'a.b.c,d.e', ''],
    ])
  })
})

describe('a watched actor', () => {
  test('is shown with each event, the edge it took, and the state it led to', async () => {
    const { one, look } = await watched()
    await look()
    await one.apply(beat('ann', NOON), beat('bob', NOON), tick(NOON + 600_000))
    const { frames, lost } = await look()
    expect(lost).toBe(0)
    expect(frames).toMatchObject([
      { n: 1, seq: 1, edge: 'unseen|heartbeat|0', value: 'watching', event: { type: 'heartbeat', beat: { at: NOON } } },
      { n: 2, seq: 3, at: NOON + 600_000, edge: 'watching|deadline|0', value: 'away', event: { type: 'deadline' } },
    ])
    expect(frames.at(-1)!.snapshot).toEqual(await one.view('viewer', 'ann'))
    expect(frames.some(frame => 'pulse' in frame)).toBe(false)
  })

  test('is shown with its pulses as the heartbeats they are, each with what the machine alone makes of it', async () => {
    for (const hasRows of [false, true]) {
      const one = await OnePartition.claim({ hasRows })
      const alone = await OnePartition.claim({
        ...{ hasRows, kinds: [...one.partition.kinds.values()].map(({ pulse: _, ...kind }) => kind) },
      })
      const watching = new Watching(new ManualTime(), toldFaults())
      const { next } = await watching.watch(one.partition, 'viewer', 'ann', null, 0)
      const bare = await watching.watch(alone.partition, 'viewer', 'ann', null, 0)
      const beats = [0, 1_000, 30_000, 61_000].map(later => beat('ann', NOON + later))
      await one.apply(...beats)
      await alone.apply(...beats)
      expect(one.pulsed).toBe(1)
      const seen = await watching.watch(one.partition, 'viewer', 'ann', next, 0)
      const whole = await watching.watch(alone.partition, 'viewer', 'ann', bare.next, 0)
      expect(seen.frames.map(({ pulse }) => pulse)).toEqual([undefined, true, true, true])
      expect(seen.frames.map(({ pulse: _, ...frame }) => frame)).toEqual(whole.frames)
    }
  })

  test('is shown with the edge without an event that led on from there, which is counted too', async () => {
    const { one, watching } = await watched()
    const { next } = await watching.watch(one.partition, 'visitor', 'vic', null, 0)
    watching.tapOf(one.partition).counts('visitor')
    const visit = { id: 'e', ts: NOON, page: '/' }
    await one.apply({ kind: 'web-event', key: 'vic', id: 'e', at: NOON, arrival: NOON, visit } as Event)
    await one.apply(tick(NOON + 10 * 86_400_000))
    const { frames } = await watching.watch(one.partition, 'visitor', 'vic', next, 0)
    expect(frames.at(-1)).toMatchObject({ edge: 'active|deadline|0', always: 'active||0', value: 'inactive' })
    expect(frames[0]).not.toHaveProperty('always')
    expect(watching.tapOf(one.partition).counts('visitor').edges).toMatchObject({ 'active||0': 1 })
    expect(one.partition.tap!.find('visitor/vic')!.edge).toBe('active||0')
  })

  test('names the effects that each event asks for, by their ids', async () => {
    const { one, watching } = await watched()
    const id = { kind: 'streamer-session', key: 'sam' }
    const { next } = await watching.watch(one.partition, id.kind, id.key, null, 0)
    const facts = { fresh: 's1', sourceId: null, title: null, device: null, userTags: [], price: 0 }
    await one.apply({ kind: 'session.start', key: 'sam', id: 'e', at: NOON, arrival: NOON, ...facts })
    const { frames } = await watching.watch(one.partition, id.kind, id.key, next, 0)
    expect(frames).toMatchObject([{ edge: 'offline|session.start|0', value: 'preview' }])
    expect(frames[0]!.effects).toEqual(one.effects.map(effect => effect.id))
    expect(frames[0]!.said.map(({ type }) => type)).toEqual(one.said)
  })

  test('is waited for, until there is something or the time is over', async () => {
    const { one, time, watching } = await watched()
    const { next } = await watching.watch(one.partition, 'viewer', 'ann', null, 0)
    const asked = watching.watch(one.partition, 'viewer', 'ann', next, 10_000)
    await one.apply(beat('ann', NOON))
    expect((await asked).frames).toHaveLength(1)
    const inVain = watching.watch(one.partition, 'viewer', 'ann', (await asked).next, 10_000)
    await time.advance(10_000)
    expect(await inVain).toEqual({ frames: [], lost: 0, next: (await asked).next })
  })

  test('is watched no more when nobody has asked for half a minute, and its partition has no tap then', async () => {
    const { one, time, look } = await watched()
    expect(one.partition.tap).toBeNull()
    await look()
    await time.advance(UNASKED_MS)
    await look()
    await time.advance(UNASKED_MS - 1_000)
    expect(one.partition.tap).not.toBeNull()
    await time.advance(UNASKED_MS)
    expect([one.partition.tap, time.timers]).toEqual([null, 0])
    await one.apply(beat('ann', NOON))
    expect(await look()).toMatchObject({ frames: [], lost: null })
  })

  test('is one of 32 at most, and any more are refused', async () => {
    const { one, watching } = await watched()
    const watch = (key: string) => watching.watch(one.partition, 'viewer', key, null, 0)
    for (let n = 0; n < 32; n++) await watch(`u${n}`)
    await expect(watch('one more')).rejects.toMatchObject({ code: 'RC_TOO_MANY_WATCHED' })
    await watch('u0')
  })

  test('goes on as if nobody looked where looking fails', async () => {
    const { one, faults, look, watching } = await watched()
    await look()
    const tap = watching.tapOf(one.partition)
    const { ring } = tap.find('viewer/ann')!
    ring.add = () => {
      throw new Error('cannot be shown')
    }
    await one.apply(beat('ann', NOON), beat('ann', NOON + 1_000))
    expect(faults.all.map(([step]) => step)).toEqual(['inspect'])
    expect([one.partition.parking.list(), tap.find('viewer/ann')]).toEqual([[], undefined])
    expect(await one.view('viewer', 'ann')).toMatchObject({ context: { last: { at: NOON + 1_000 } } })
  })
})

describe('the frames of a watch', () => {
  const frame = (n: number, text = ''): string => JSON.stringify({ n, text } as unknown as Frame)

  test('are its last 500; who is further behind is told how many are gone', () => {
    const ring = new Ring()
    for (let i = 0; i < 750; i++) ring.add(frame)
    const numbers = (after: number) => ring.after(after).texts.map(text => JSON.parse(text).n)
    expect([ring.last, ring.after(0).lost, numbers(0)[0], numbers(0).length]).toEqual([750, 250, 251, 100])
    expect([ring.after(250).lost, ring.after(700).lost, numbers(700)[0], numbers(700).length]).toEqual([0, 0, 701, 50])
    expect(ring.after(0).last).toBe(350)
  })

  test('are no more than 2 MiB, and an answer is of no more than half a one, but for a single frame', () => {
    const ring = new Ring()
    const large = 'x'.repeat(200_000)
    for (let i = 0; i < 50; i++) ring.add(n => frame(n, large))
    expect(ring.after(0)).toMatchObject({ lost: 40, last: 42 })
    ring.add(n => frame(n, 'x'.repeat(3_000_000)))
    expect(ring.after(0)).toMatchObject({ lost: 50, last: 51 })
  })

  test('are counted by their edges for a minute', () => {
    const minute = new Minute()
    minute.add('a', 1_000)
    minute.add('a', 1_500)
    minute.add('b', 59_000)
    expect(minute.sums(60_900)).toEqual({ a: 2, b: 1 })
    expect(minute.sums(61_000)).toEqual({ b: 1 })
    expect(minute.sums(500_000)).toEqual({})
    minute.add('c', 500_001, 3)
    expect(minute.sums(500_002)).toEqual({ c: 3 })
  })
})
