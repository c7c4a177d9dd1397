import type { AnyStateMachine, AnyStateNode } from 'xstate'

/** A machine of flat states as a Mermaid diagram, with the state that holds marked. */
export function mermaid(machine: AnyStateMachine, value: unknown): string {
  const nodes = Object.values(machine.states) as AnyStateNode[]
  // An edge of the machine itself leads out of each state whose own edges may all be refused.
  const own = [...machine.root.transitions.values()].flat()
  const edges = nodes.flatMap(node => [
    ...[...node.transitions.values()].flat().map(each => edge(node, each)),
    ...own
      .filter(({ eventType }) => !node.transitions.get(eventType)?.some(({ guard }) => guard === undefined))
      .map(each => edge(node, each)),
    ...(node.always ?? []).map(each => edge(node, each)),
  ])
  const initial = machine.root.initial.target as AnyStateNode[]
  return [
    'stateDiagram-v2',
    ...initial.map(({ key }) => `  [*] --> ${key}`),
    ...edges.map(line => `  ${line}`),
    ...nodes.filter(({ type }) => type === 'final').map(({ key }) => `  ${key} --> [*]`),
    '  classDef holds stroke-width:4px',
    ...(typeof value === 'string' ? [`  class ${value} holds`] : []),
  ].join('\n')
}

interface Transition {
  target?: readonly AnyStateNode[] | undefined
  eventType: string
  guard?: unknown
}

function edge(from: AnyStateNode, { target, eventType, guard }: Transition): string {
  const [to = from] = target ?? []
  const condition = guard === undefined ? '' : ` [${nameOf(guard)}]`
  return `${from.key} --> ${to.key}: ${eventType}${condition}`.trimEnd()
}

const nameOf = (guard: unknown): string =>
  typeof guard === 'string' ? guard : ((guard as { type?: string }).type ?? 'guard')
