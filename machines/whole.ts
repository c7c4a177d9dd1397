import type { AnyEventObject, AnyStateMachine, EventFrom } from 'xstate'

/**
 * The machine, which refuses an event that lacks a field of its examples, and says so: deep inside it would fail without
 * a word of that, or go on with half an event. Rollcall itself makes whole events alone and does not ask.
 */
export function whole<M extends AnyStateMachine>(machine: M, examples: readonly EventFrom<M>[]): M {
  const { transition, provide } = machine
  const exampleOf = new Map((examples as readonly AnyEventObject[]).map(example => [example.type, example]))
  machine.transition = (snapshot, event, scope) => {
    const missing = lacking(event, exampleOf.get(event.type))
    if (missing.length > 0) throw new Error(`The ${machine.id} takes no ${event.type} without ${missing.join(', ')}.`)
    return transition.call(machine, snapshot, event, scope)
  }
  machine.provide = implementations => whole(provide.call(machine, implementations) as M, examples)
  return machine
}

type Fields = { readonly [field: string]: unknown }

/** The paths at which the example has something and the value nothing. */
function lacking(value: unknown, example: unknown, path = ''): string[] {
  if (value === undefined) return [path]
  if (value === null || typeof example !== 'object' || example === null) return []
  const inside = (name: string | number): string => (path === '' ? `${name}` : `${path}.${name}`)
  if (!Array.isArray(example)) {
    return Object.entries(example).flatMap(([name, field]) => lacking((value as Fields)[name], field, inside(name)))
  }
  if (!Array.isArray(value) || example.length === 0) return []
  return value.flatMap((element, i) => lacking(element, example[0], inside(i)))
}
