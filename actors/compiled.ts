import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'

/**
 * Compiled transitions: a machine's resolved config as a table, by which a transition is worked out without what XState
 * does for machines of any kind. A machine that is more than flat states, guards, assignments and emitted events has
 * none, and a transition that turns out to be more is left to XState.
 */

interface Event {
  type: string
  [fact: string]: unknown
}

type Say = (said: Event) => void
type Args = { context: object; event: Event }
type Assigner = object | ((args: Args, params: unknown) => object)
type Emitted = Event | ((args: Args, params: unknown) => Event)

/** Changes the context, or says something; answers the context. */
type Action = (args: Args, say: Say) => object
type Guard = (args: Args, params: unknown) => boolean

interface Edge {
  guard: Guard | null
  actions: Action[]
  target: string | null
}

interface State {
  snapshot: AnyMachineSnapshot
  edges: Map<string, Edge[]>
  always: Edge[]
}

/** The next snapshot, the very same if the event leads nowhere; null: XState has to say. It may throw what the machine would. */
export type Compiled = (snapshot: AnyMachineSnapshot, event: Event, say: Say) => AnyMachineSnapshot | null

/** Thrown where a machine, or a transition, is more than what is compiled. */
class Unknown extends Error {}

/** As often transitions without an event may follow one another. */
const MOST_ALWAYS = 100

/** Null: this machine is not compiled. */
export function compiled(machine: AnyStateMachine): Compiled | null {
  try {
    return follow(tableOf(machine))
  } catch (error) {
    if (error instanceof Unknown) return null
    throw error
  }
}

function follow(states: Map<string, State>): Compiled {
  return (snapshot, event, say) => {
    const state = states.get(snapshot.value as string)
    if (!state || snapshot.status !== 'active') return null
    let edge = chosen(state.edges.get(event.type), { context: snapshot.context, event })
    if (!edge) return snapshot
    let [at, context] = [snapshot.value as string, snapshot.context as object]
    for (let taken = 0; edge; taken++) {
      if (taken > MOST_ALWAYS) return null
      for (const action of edge.actions) context = action({ context, event }, say)
      at = edge.target ?? at
      edge = chosen(states.get(at)!.always, { context, event })
    }
    if (at === snapshot.value && context === snapshot.context) return snapshot
    const base = at === snapshot.value ? snapshot : states.get(at)!.snapshot
    return { ...base, context } as AnyMachineSnapshot
  }
}

function chosen(edges: readonly Edge[] | undefined, args: Args): Edge | undefined {
  for (const edge of edges ?? []) if (edge.guard === null || edge.guard(args, undefined)) return edge
  return undefined
}

interface Node {
  key: string
  type: string
  entry: readonly unknown[]
  exit: readonly unknown[]
  invoke: readonly unknown[]
  after: readonly unknown[]
  states: Record<string, Node>
  transitions: Map<string, readonly Transition[]>
  always?: readonly Transition[]
}

interface Transition {
  guard?: unknown
  actions: readonly unknown[]
  target?: readonly Node[]
  reenter: boolean
}

function tableOf(machine: AnyStateMachine): Map<string, State> {
  const root = machine.root as unknown as Node
  const nodes = Object.values(root.states)
  must(root.type === 'compound' && isPlain(root) && !root.always?.length)
  const edge = (of: Transition): Edge => edgeOf(of, machine, nodes)
  const states = nodes.map((node): [string, State] => {
    must(node.type === 'atomic' && isPlain(node))
    const types = new Set([...node.transitions.keys(), ...root.transitions.keys()])
    const edges = Array.from(types, (type): [string, Edge[]] => {
      must(!type.includes('*') && !type.startsWith('xstate.'))
      return [type, [...(node.transitions.get(type) ?? []), ...(root.transitions.get(type) ?? [])].map(edge)]
    })
    const snapshot = machine.resolveState({ value: node.key, context: {} })
    return [node.key, { snapshot, edges: new Map(edges), always: (node.always ?? []).map(edge) }]
  })
  return new Map(states)
}

const isPlain = ({ entry, exit, invoke, after }: Node): boolean =>
  [entry, exit, invoke, after].every(list => list.length === 0)

function edgeOf({ guard, actions, target, reenter }: Transition, machine: AnyStateMachine, nodes: Node[]): Edge {
  const [node, ...others] = target ?? []
  must(!reenter && others.length === 0 && (node === undefined || nodes.includes(node)))
  return {
    guard: guardOf(guard, machine),
    actions: actions.map(each => actionOf(each, machine)),
    target: node?.key ?? null,
  }
}

function guardOf(guard: unknown, machine: AnyStateMachine): Guard | null {
  if (guard === undefined) return null
  const found = typeof guard === 'string' ? machine.implementations.guards[guard] : guard
  must(typeof found === 'function' && !('check' in found))
  return found as Guard
}

/** An action as XState builds it, by its type: what it assigns, what it emits, or which others it adds. */
interface Built {
  type?: string
  assignment?: Assigner
  event?: Emitted
  collect?: (args: Args & { enqueue: object }, params: unknown) => void
}

function actionOf(action: unknown, machine: AnyStateMachine): Action {
  const found = (typeof action === 'string' ? machine.implementations.actions[action] : action) as Built | undefined
  const { type, assignment, event, collect } = found ?? {}
  if (type === 'xstate.assign' && assignment) return assigning(assignment)
  if (type === 'xstate.emit' && event) return emitting(event)
  if (type === 'xstate.enqueueActions' && collect) return adding(collect)
  throw new Unknown()
}

const assigning = (assignment: Assigner): Action => {
  if (typeof assignment === 'function') return args => ({ ...args.context, ...assignment(args, undefined) })
  return args => {
    const values = Object.entries(assignment).map(([name, value]) => [
      name,
      typeof value === 'function' ? value(args, undefined) : value,
    ])
    return { ...args.context, ...Object.fromEntries(values) }
  }
}

const emitting = (event: Emitted): Action => {
  return (args, say) => {
    say(typeof event === 'function' ? event(args, undefined) : event)
    return args.context
  }
}

/** Actions that are added are carried out once all are known. */
const adding = (collect: NonNullable<Built['collect']>): Action => {
  return ({ context, event }, say) => {
    const added: Action[] = []
    const enqueue = {
      assign: (assignment: Assigner) => void added.push(assigning(assignment)),
      emit: (emitted: Emitted) => void added.push(emitting(emitted)),
    }
    collect({ context, event, enqueue }, undefined)
    let next = context
    for (const action of added) next = action({ context: next, event }, say)
    return next
  }
}

function must(holds: boolean): void {
  if (!holds) throw new Unknown()
}
