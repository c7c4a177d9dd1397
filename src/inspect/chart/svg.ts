import type { Layout, Place } from './layout.ts'
import { type Edge, isRow, type State } from './outline.ts'
import { boxOf, type Card, cardOf, headOf, LEADING, MARK, PAD, TITLE, titleOf } from './sizes.ts'
import { escaped } from './words.ts'

/** The drawing without any colour: its classes are for the style of the page that shows it. */
export function svgOf(machine: State, { width, height, boxes, ways }: Layout): string {
  const placed = { boxes, ways }
  const body = [...statesOf(machine, placed), ...edgesOf(machine, placed)].join('')
  const name = escaped(`State chart of ${machine.label}`)
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" class="chart" ${size} role="group" aria-label="${name}">${body}</svg>`
}

type Placed = Pick<Layout, 'boxes' | 'ways'>

function statesOf(state: State, placed: Placed): string[] {
  const box = placed.boxes.get(state.name)!
  const own = state.name === '' ? machineOf(state, box) : stateOf(state, box)
  return [...own, ...state.states.flatMap(child => statesOf(child, placed))]
}

function machineOf(state: State, box: Place): string[] {
  const { rows } = boxOf(state)
  const words = rows.length > 0 ? `${titleOf(state)}, in every state` : titleOf(state)
  return [
    `<g class="machine">${rect(box, 10, 'box')}${text(words, 'name', box.x + PAD * 2, box.y + PAD + TITLE, TITLE)}</g>`,
    ...rowsOf(rows, { ...box, x: box.x + PAD, width: Math.max(...rows.map(row => row.width)) + MARK }),
  ]
}

function stateOf(state: State, box: Place): string[] {
  const { rows } = boxOf(state)
  const classes = ['state', ...(state.isInitial ? ['initial'] : []), ...(state.isFinal ? ['final'] : [])].join(' ')
  const said = [`State ${state.name}`, ...(state.isInitial ? ['the first one'] : [])].join(', ')
  const y = box.y + PAD + TITLE
  const inside = [
    rect(box, 8, 'box'),
    ...(state.isFinal ? [rect(smaller(box), 6, 'inner')] : []),
    text(titleOf(state), 'name', box.x + PAD * 2, y, TITLE),
    text('', 'count', box.x + box.width - PAD, y, 12, 'end'),
    ...(rows.length > 0 ? [path(`M${box.x} ${box.y + headOf(0)}h${box.width}`, 'rule')] : []),
  ]
  return [group(classes, `data-state="${escaped(state.name)}"`, said, state.description, inside), ...rowsOf(rows, box)]
}

/** The edges of a state that stays, one below the other in its box. */
function rowsOf(rows: readonly Card[], box: Place): string[] {
  let y = box.y + headOf(rows.length)
  return rows.map(row => {
    const place = { x: box.x + 3, y: y - PAD / 2 + 1, width: box.width - 6, height: row.height - 2 }
    const mark = path(loop(box.x + PAD + 4, y + 8), 'mark')
    const drawn = edge(
      row,
      `${rect(place, 5, 'card')}${mark}${linesOf(row, { ...place, x: place.x + MARK, width: place.width - MARK })}`,
    )
    y += row.height
    return drawn
  })
}

/** The initial dots, and the edges that lead from a state to one, with a card in their middle. */
function edgesOf(state: State, placed: Placed): string[] {
  const { ways } = placed
  const start = ways.get(`.${state.name}`)
  const dot = start ? [startOf(start.points)] : []
  const own = state.edges.filter(each => !isRow(each)).map(each => wayOf(each, ways.get(each.name)!))
  return [...dot, ...own, ...state.states.flatMap(child => edgesOf(child, placed))]
}

type Points = { x: number; y: number }[]

function startOf(points: Points): string {
  const { x, y } = points[0]!
  return `<g class="start"><circle cx="${x}" cy="${y - 6}" r="6"/>${path(rounded(points), 'line')}${arrow(points)}</g>`
}

function wayOf(of: Edge, { points, card }: { points: Points; card: Place | null }): string {
  const way = `${path(rounded(points), 'line')}${arrow(points)}`
  return edge(cardOf(of), card ? `${way}${rect(card, 6, 'card')}${linesOf(cardOf(of), card)}` : way)
}

function edge({ edge: of }: Card, inside: string): string {
  const { name, event, condition, from, to, actions, description } = of
  const way = to === null ? `stays in ${from || 'its state'}` : `leads from ${from || 'any state'} to ${to}`
  const said = [`${event}${condition ? ` ${condition}` : ''} ${way}`, ...(actions ? [`does ${actions}`] : [])]
  const classes = `edge ${isRow(of) ? 'stays' : 'leads'}`
  return group(classes, `data-edge="${escaped(name)}"`, said.join('; '), description, [inside])
}

function linesOf({ lines }: Card, { x, y, width }: Place): string {
  let at = y + PAD / 2
  const drawn = lines.map(({ text: words, as, size }) => {
    at += size * LEADING
    return text(words, as, x + PAD, Math.round(at - size * 0.3), size)
  })
  return `${drawn.join('')}${text('', 'count', x + width - PAD, y + PAD / 2 + 14, 11, 'end')}`
}

function group(classes: string, data: string, said: string, description: string, inside: string[]): string {
  const label = escaped(description ? `${said}. ${description}` : said)
  const title = `<title>${escaped(description || said)}</title>`
  return `<g class="${classes}" ${data} tabindex="0" role="img" aria-label="${label}">${title}${inside.join('')}</g>`
}

const rect = ({ x, y, width, height }: Place, r: number, as: string): string =>
  `<rect class="${as}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${r}"/>`

const path = (way: string, as: string): string => `<path class="${as}" d="${way}"/>`

const text = (words: string, as: string, x: number, y: number, size: number, anchor = 'start'): string =>
  `<text class="${as}" x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}">${escaped(words)}</text>`

const smaller = ({ x, y, width, height }: Place): Place => ({
  x: x + 3,
  y: y + 3,
  width: width - 6,
  height: height - 6,
})

/** An arrow that comes back to where it began. */
const loop = (x: number, y: number): string => `M${x + 4} ${y - 3}a5 5 0 1 0 1 4m-1 -7.500v4h-4`

/** A way of straight parts, rounded where it turns. */
function rounded(points: Points): string {
  const [first, ...rest] = points
  const turns = rest.map((point, i) => {
    const next = rest[i + 1]
    if (!next) return `L${point.x} ${point.y}`
    const before = towards(point, points[i]!)
    const after = towards(point, next)
    return `L${before.x} ${before.y}Q${point.x} ${point.y} ${after.x} ${after.y}`
  })
  return `M${first!.x} ${first!.y}${turns.join('')}`
}

function towards(from: { x: number; y: number }, to: { x: number; y: number }): { x: number; y: number } {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1
  const part = Math.min(8, length / 2) / length
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part }
}

function arrow(points: Points): string {
  const [before, tip] = points.slice(-2) as [Points[0], Points[0]]
  const [dx, dy] = [Math.sign(tip.x - before.x), Math.sign(tip.y - before.y)]
  const wing = (side: number): string => `${tip.x - 9 * dx - 4.5 * side * dy} ${tip.y - 9 * dy + 4.5 * side * dx}`
  return path(`M${tip.x} ${tip.y}L${wing(1)}L${wing(-1)}z`, 'head')
}
