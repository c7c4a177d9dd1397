import { describe, expect, test } from 'vitest'
import { type AnyStateMachine, createMachine } from 'xstate'
import { feed, streamerSession, viewer, visitor } from '../machines/index.ts'
import { chartOf } from '../src/inspect/chart/index.ts'
import { type Layout, layoutOf, type Place } from '../src/inspect/chart/layout.ts'
import { outlineOf, type State } from '../src/inspect/chart/outline.ts'

const nested = createMachine({
  id: 'nested',
  initial: 'on',
  on: { stop: '.off' },
  states: {
    on: {
      initial: 'slow',
      on: { pause: 'off', slower: '.slow' },
      states: {
        slow: { on: { go: 'fast', again: { target: 'slow', reenter: true } } },
        fast: { on: { fail: '#gone' } },
      },
    },
    off: { on: { start: 'on' } },
    gone: { id: 'gone', type: 'final' },
  },
})
const MACHINES: [string, AnyStateMachine][] = [
  ...[viewer, visitor, streamerSession, feed].map((machine): [string, AnyStateMachine] => [machine.id, machine]),
  ['nested', nested],
]

const within = (state: State): State[] => [state, ...state.states.flatMap(within)]
const namesIn = (svg: string, data: string): string[] =>
  [...svg.matchAll(new RegExp(` data-${data}="([^"]*)"`, 'g'))].map(([, name]) => name!)

const overlap = (a: Place, b: Place): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

/** All that has text in it: cards, and the boxes of states without states of their own, by name. */
function texts(outline: State, { boxes, ways }: Layout): [string, Place][] {
  const leaves = within(outline).filter(({ states }) => states.length === 0)
  const cards = [...ways].flatMap(([name, { card }]): [string, Place][] => (card ? [[name, card]] : []))
  return [...leaves.map(({ name }): [string, Place] => [name, boxes.get(name)!]), ...cards]
}

/** The straight parts of each way, a little shorter than they are: a way touches the boxes at its ends. */
function parts({ ways }: Layout): [string, Place][] {
  return [...ways].flatMap(([name, { points }]) =>
    points.slice(1).map(({ x, y }, i): [string, Place] => {
      const before = points[i]!
      const [left, top] = [Math.min(x, before.x), Math.min(y, before.y)]
      const size = { width: Math.abs(x - before.x) - 2, height: Math.abs(y - before.y) - 2 }
      return [name, { x: left + 1, y: top + 1, ...size }]
    }),
  )
}

describe.each(MACHINES)('the chart of the machine %s', (_id, machine) => {
  test('has every state and every edge once', async () => {
    const svg = await chartOf(machine)
    const states = within(outlineOf(machine))
    expect(namesIn(svg, 'state').sort()).toEqual(states.flatMap(({ name }) => (name === '' ? [] : [name])).sort())
    expect(namesIn(svg, 'edge').sort()).toEqual(states.flatMap(({ edges }) => edges.map(({ name }) => name)).sort())
  })

  test('has no text over another, and no way over a text that is not its own', async () => {
    const outline = outlineOf(machine)
    const layout = await layoutOf(outline)
    const placed = texts(outline, layout)
    const over = placed.flatMap(([name, place], i) =>
      placed.slice(i + 1).flatMap(([other, there]) => (overlap(place, there) ? [[name, other]] : [])),
    )
    expect(over).toEqual([])
    const crossed = parts(layout).flatMap(([way, part]) =>
      placed.flatMap(([name, place]) => (name !== way && overlap(part, place) ? [[way, name]] : [])),
    )
    expect(crossed).toEqual([])
  })

  test('is the same whenever it is drawn', async () => {
    const again = createMachine(machine.config as never)
    expect(await chartOf(again)).toBe(await chartOf(machine))
  })

  test('says each description, and has nothing that a strict policy forbids', async () => {
    const svg = await chartOf(machine)
    const groups = [
      ...svg.matchAll(/<g class="(?:state|edge)[^>]*tabindex="0" role="img" aria-label="[^"]+"><title>[^<]+</g),
    ]
    expect(groups).toHaveLength(namesIn(svg, 'state').length + namesIn(svg, 'edge').length)
    expect(svg).not.toMatch(/ style=|<style|<script|<a |href|url\(/)
  })
})

describe('a chart', () => {
  test('names edges as frames do, with those of the machine itself and those without an event', async () => {
    expect(namesIn(await chartOf(streamerSession), 'edge')).toContain('|session.rate|0')
    expect(namesIn(await chartOf(visitor), 'edge')).toContain('active||0')
    expect(namesIn(await chartOf(viewer), 'edge')).toContain('watching|heartbeat|1')
    expect(namesIn(await chartOf(nested), 'edge')).toContain('on.fast|fail|0')
  })

  test('says guards and actions in words', async () => {
    const svg = await chartOf(streamerSession)
    for (const words of ['if live', 'if to preview', 'otherwise', 'do: preset, say preset'])
      expect(svg).toContain(words)
  })

  test('holds states of states inside their box', async () => {
    const { boxes } = await layoutOf(outlineOf(nested))
    const [on, fast] = [boxes.get('on')!, boxes.get('on.fast')!]
    expect([fast.x > on.x, fast.y > on.y, fast.x + fast.width < on.x + on.width]).toEqual([true, true, true])
    expect(fast.y + fast.height).toBeLessThan(on.y + on.height)
  })

  test('is drawn with whatever text a machine has', async () => {
    const evil = `"'><script>alert(1)</script>&amp;\u0000\ud800`
    const svg = await chartOf(
      createMachine({
        id: evil,
        initial: evil,
        states: {
          [evil]: {
            description: evil,
            on: { [`${evil}${'long'.repeat(99)}`]: { target: 'b', actions: evil, guard: evil } },
          },
          b: {},
        },
      }),
    )
    expect(svg.replaceAll(/<(\/?(svg|g|rect|path|text|title|circle)\b[^<>]*)>/g, '')).not.toMatch(/[<>]/)
    expect(svg.match(/&(?!#\d+;)/)).toBeNull()
    expect(svg.isWellFormed() && !svg.includes('\u0000')).toBe(true)
  })
})
