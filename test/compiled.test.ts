import { describe, expect, test } from 'vitest'
import { type AnyMachineSnapshot, type AnyStateMachine, assign, createMachine, raise } from 'xstate'
import { compiled } from '../actors/compiled.ts'
import { KINDS } from '../actors/kinds.ts'
import { type Said, Transitions } from '../src/partition/transitions.ts'
import { type Random, seeded } from './support/random.ts'
import { TRIED } from './support/tried-machines.ts'

type Event = { type: string; [fact: string]: unknown }

/** How many events each machine takes: COMPILED_EVENTS=1000000 by hand. */
const EVENTS = Number(process.env.COMPILED_EVENTS ?? 10_000)
/** Some lives are long, so that there is something to settle, to close and to forget. */
const LIFE = 60
const MINUTE = 60_000

/** An event like its example, some time later: another page, another id, another number, or the same again. */
function like(value: unknown, random: Random, later: number): unknown {
  if (typeof value === 'number') {
    if (value > 1e12) return value + later - random.pick([0, 0, 0, 1, MINUTE, 90 * MINUTE])
    return random.chance(0.9) ? value : random.int(0, 5)
  }
  if (typeof value === 'string')
    return random.chance(0.2) && /^[a-z]+-?\d$/.test(value) ? value.replace(/\d$/, `${random.int(0, 3)}`) : value
  if (Array.isArray(value))
    return value.slice(0, random.chance(0.9) ? value.length : 0).map(each => like(each, random, later))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      name === 'rules' || name === 'type' ? field : like(field, random, later),
    ]),
  )
}

/** By XState alone. */
class Interpreted extends Transitions {
  protected override readonly isCompiled = false
}

describe.each(TRIED)('the machine $id', ({ id, machine, events }) => {
  const kind = KINDS.find(({ kind }) => kind === id)!

  test('is compiled', () => {
    expect(compiled(machine)).not.toBeNull()
  })

  test('comes to the same compiled as by XState, and says the same', () => {
    const random = seeded(id)
    const [table, xstate] = [compiled(machine)!, new Interpreted()]
    const seen = new Set<string>()
    let snapshot = xstate.initial(kind)
    let later = 0
    for (let n = 0; n < EVENTS; n++) {
      if (random.chance(1 / LIFE)) {
        snapshot = xstate.initial(kind)
        later = 0
      }
      later += random.pick([0, 1, 15_000, MINUTE, 40 * MINUTE])
      const event = like(random.pick(events), random, later) as Event
      const said: Said[] = []
      let next: AnyMachineSnapshot | null = null
      let expected: ReturnType<Transitions['step']> | undefined
      try {
        expected = xstate.step({ kind, snapshot }, event)
      } catch {
        expect(() => table(snapshot, event, each => said.push(each as Said))).toThrow()
        continue
      }
      next = table(snapshot, event, each => said.push(each as Said))
      expect([next!.value, next!.context, said]).toEqual([
        expected.snapshot.value,
        expected.snapshot.context,
        expected.said,
      ])
      expect(next === snapshot).toBe(expected.snapshot === snapshot)
      if (random.chance(0.01)) expect(xstate.persist(kind, next!)).toEqual(xstate.persist(kind, expected.snapshot))
      seen.add(`${snapshot.value} ${event.type} ${next!.value}`)
      snapshot = next!
    }
    expect(seen.size).toBeGreaterThanOrEqual(events.length)
  })
})

describe('what is more than a table', () => {
  const more: Record<string, AnyStateMachine> = {
    'states in states': createMachine({ initial: 'a', states: { a: { initial: 'b', states: { b: {} } } } }),
    'parallel states': createMachine({ type: 'parallel', states: { a: {}, b: {} } }),
    'an action on the way in': createMachine({ initial: 'a', states: { a: { entry: assign({}) } } }),
    'a delay': createMachine({ initial: 'a', states: { a: { after: { 10: 'b' } }, b: {} } }),
    'any event': createMachine({ initial: 'a', states: { a: { on: { '*': 'b' } }, b: {} } }),
    'an end': createMachine({ initial: 'a', states: { a: { on: { end: 'b' } }, b: { type: 'final' } } }),
    'a raised event': createMachine({ initial: 'a', states: { a: { on: { go: { actions: raise({ type: 'x' }) } } } } }),
    'a state that is entered again': createMachine({
      initial: 'a',
      states: { a: { on: { go: { target: 'a', reenter: true } } } },
    }),
  }
  test.for(Object.entries(more))('is left to XState: %s', ([, machine]) => {
    expect(compiled(machine)).toBeNull()
  })
})
