import type { AnyStateMachine } from 'xstate'
import { conditionOf, inWords } from './words.ts'

/** A machine as it is drawn: its states, each with the edges that lead out of it and those that stay. */

export interface Edge {
  /** `<from>|<event type>|<n>`; `from` is empty for an edge of the machine itself, the type for one without an event */
  name: string
  from: string
  /** null: the state stays */
  to: string | null
  event: string
  condition: string | null
  actions: string
  description: string
}

/** Drawn in the box it begins in: it stays there, or leads into it, or out of the machine's, which holds all others. */
export const isRow = ({ from, to }: Edge): boolean =>
  from === '' || to === null || to === from || to.startsWith(`${from}.`)

export interface State {
  /** its path: `a.b` */
  name: string
  label: string
  description: string
  isInitial: boolean
  isFinal: boolean
  edges: Edge[]
  states: State[]
}

/** A state node of XState, as much of it as is drawn. */
interface Node {
  key: string
  path: string[]
  type: string
  description?: string
  initial?: { target: readonly Node[] }
  states: Record<string, Node>
  transitions: Map<string, readonly Transition[]>
  always?: readonly Transition[]
}

interface Transition {
  guard?: unknown
  actions: readonly unknown[]
  target?: readonly Node[]
  description?: string
}

/** The machine itself as the outermost state. */
export const outlineOf = (machine: AnyStateMachine): State => stateOf(machine.root as unknown as Node, false)

function stateOf(node: Node, isInitial: boolean): State {
  const initial = node.initial?.target[0]?.key
  const types = [...node.transitions, ...(node.always?.length ? [['', node.always] as const] : [])]
  return {
    name: nameOf(node),
    label: node.key,
    description: node.description ?? '',
    isInitial,
    isFinal: node.type === 'final',
    edges: types.flatMap(([type, all]) => all.map((each, n) => edgeOf(nameOf(node), type, each, n))),
    states: Object.values(node.states).map(state => stateOf(state, state.key === initial)),
  }
}

const nameOf = ({ path }: Node): string => path.join('.')

function edgeOf(from: string, type: string, { guard, actions, target, description }: Transition, n: number): Edge {
  const condition = guard === undefined ? null : conditionOf(calledBy(guard))
  return {
    name: `${from}|${type}|${n}`,
    from,
    to: target?.[0] ? nameOf(target[0]) : null,
    event: type === '' ? 'always' : type,
    condition: condition ?? (n > 0 ? 'otherwise' : null),
    actions: actions.map(action => inWords(calledBy(action))).join(', '),
    description: description ?? '',
  }
}

/** The name of a guard or an action, of which a machine may also have the function itself. */
function calledBy(part: unknown): string {
  if (typeof part === 'string') return part
  const { type, name } = part as { type?: unknown; name?: unknown }
  return String(type ?? (name || 'unnamed'))
}
