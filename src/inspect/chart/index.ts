/**
 * The chart of a machine: its states and edges as an SVG that any style can colour, laid out when it is first asked for.
 * Each state is a `g.state` with `data-state`, each edge a `g.edge` with `data-edge`, each with a `text.count` to be filled.
 */
import type { AnyStateMachine } from 'xstate'
import { layoutOf } from './layout.ts'
import { outlineOf } from './outline.ts'
import { svgOf } from './svg.ts'

const drawn = new WeakMap<AnyStateMachine, Promise<string>>()

export function chartOf(machine: AnyStateMachine): Promise<string> {
  const before = drawn.get(machine)
  if (before) return before
  const now = draw(machine)
  drawn.set(machine, now)
  // A layout that failed is tried again by whoever asks next.
  now.catch(() => drawn.delete(machine))
  return now
}

async function draw(machine: AnyStateMachine): Promise<string> {
  const outline = outlineOf(machine)
  return svgOf(outline, await layoutOf(outline))
}
