import { describe, expect, test } from 'vitest'
import { type AnyStateMachine, createActor, getNextSnapshot } from 'xstate'
import { KINDS } from '../actors/kinds.ts'
import { examples, streamerSession, viewer, visitor } from '../machines/index.ts'
import { snapshotsOf, TRIED } from './support/tried-machines.ts'

const BARE = TRIED.flatMap(({ id, machine, events }) => machine.events.map(type => ({ id, machine, events, type })))

/** All objects of a config that are a state or a transition, by their place. */
function drawn(config: object, path = ''): [path: string, each: { description?: string }][] {
  return Object.entries(config).flatMap(([name, each]) => {
    const place = `${path}/${name}`
    if (path.endsWith('/states')) return [[place, each] as const, ...drawn(each, place)] as ReturnType<typeof drawn>
    if (path.endsWith('/on') || name === 'always') return [each].flat().map(one => [place, one] as [string, object])
    return name === 'states' || name === 'on' ? drawn(each, place) : []
  })
}

test('every kind of actor has a machine that can be tried apart', () => {
  expect(KINDS.map(({ machine }) => machine)).toEqual(TRIED.map(({ machine }) => machine))
})

describe.each(TRIED)('the machine $id', ({ id, machine, events }) => {
  test('is data: what drawing programs read of it survives JSON', () => {
    expect(JSON.parse(JSON.stringify(machine.config))).toEqual(machine.config)
    const definition = JSON.parse(JSON.stringify(machine.definition))
    expect([definition.id, Object.keys(definition.states).length > 1]).toEqual([id, true])
  })

  test('says in words of each state and each way out of it what they mean', () => {
    const parts = drawn(machine.config)
    expect(parts.length).toBeGreaterThan(machine.events.length)
    expect(parts.filter(([, { description }]) => !/^\S.{10,}\.$/.test(description ?? ''))).toEqual([])
  })

  test('has an example of every event it takes', () => {
    expect([...new Set(events.map(({ type }) => type))].sort()).toEqual([...machine.events].sort())
  })

  test('goes by its examples through every state, and each of them counts', () => {
    const snapshots = snapshotsOf({ machine, events })
    expect(new Set(snapshots.map(({ value }) => value))).toEqual(new Set(Object.keys(machine.states)))
    snapshots.slice(1).forEach((snapshot, i) => {
      const [before, after] = [snapshots[i]!, snapshot].map(({ value, context }) => ({ value, context }))
      expect(after, `after ${events[i]!.type}`).not.toEqual(before)
    })
  })

  test('goes on from its persisted snapshot, wherever it was', () => {
    const snapshots = snapshotsOf({ machine, events }).map(({ value, context }) => ({ value, context }))
    for (const [i, event] of events.entries()) {
      const actor = createActor(machine).start()
      for (const earlier of events.slice(0, i)) actor.send(earlier)
      const snapshot = JSON.parse(JSON.stringify(actor.getPersistedSnapshot()))
      const again = createActor(machine, { snapshot }).start()
      again.send(event)
      expect(again.getSnapshot()).toMatchObject(snapshots[i + 1]!)
    }
  })
})

describe('a bare event', () => {
  test.each(BARE)('$type is refused by the $id, in any state, with what it lacks', ({ machine, events, type }) => {
    const { type: _, ...fields } = events.find(event => event.type === type)!
    const lacks = `The ${machine.id} takes no ${type} without ${Object.keys(fields).join(', ')}.`
    for (let i = 0; i <= events.length; i++) {
      const actor = createActor(machine)
      const errors: unknown[] = []
      actor.subscribe({ error: error => errors.push(error) })
      actor.start()
      for (const earlier of events.slice(0, i)) actor.send(earlier)
      actor.send({ type })
      expect(errors).toEqual([new Error(lacks)])
    }
  })

  test.each(BARE)('$type is refused by the $id with other implementations too', ({ machine, type }) => {
    const other = machine.provide({ actions: { visit: () => {} } })
    expect(() => getNextSnapshot(other, createActor(other).getSnapshot(), { type })).toThrow(`takes no ${type} without`)
  })
})

describe('an event that is not whole inside', () => {
  test.each([
    [viewer, { ...examples.viewer[0], beat: { path: '/' } }, 'beat.at, beat.stream, beat.country, beat.groups'],
    [
      visitor,
      { ...examples.visitor[0], visits: [{ id: 'a', ts: 1, page: '/' }, { id: 'b' }] },
      'visits.1.ts, visits.1.page',
    ],
    [streamerSession, { ...examples['streamer-session'][4], showGoalPairs: [{ title: 'x' }] }, 'showGoalPairs.0.price'],
  ])('is refused: %#', (machine: AnyStateMachine, event, lacks) => {
    const next = () => getNextSnapshot(machine, createActor(machine).getSnapshot(), event)
    expect(next).toThrow(`without ${lacks}.`)
  })

  test('may have null where nothing is known', () => {
    const heartbeat = { ...examples.viewer[0], show: null }
    expect(getNextSnapshot(viewer, createActor(viewer).getSnapshot(), heartbeat).value).toBe('watching')
  })
})

test('an event of another machine is passed over, as XState has it', () => {
  const before = createActor(viewer).getSnapshot()
  expect(getNextSnapshot(viewer as AnyStateMachine, before, { type: 'session.end' }).value).toBe('unseen')
})

test('a machine says what follows', () => {
  const actor = createActor(streamerSession)
  const said: string[] = []
  actor.on('session.started', ({ sessionId }) => said.push(sessionId))
  actor.start()
  for (const event of examples['streamer-session']) actor.send(event)
  expect(said).toEqual(['show-7'])
})
