import { type Edge, isRow, type State } from './outline.ts'
import { fitted, lines, widthOf } from './words.ts'

/** Lines of text of one size, below each other. */
export interface Line {
  text: string
  /** its class, which says how it looks */
  as: 'event' | 'condition' | 'actions'
  size: number
}

/** The words of an edge: a card of its own on an edge that leads somewhere, a row in the box of a state that stays. */
export interface Card {
  edge: Edge
  lines: Line[]
  width: number
  height: number
}

export const TITLE = 15
const EVENT = 13
const SMALL = 11
export const LEADING = 1.35
export const PAD = 8
/** Room for a count. */
export const COUNT = 60
/** Room for the mark of a row. */
export const MARK = 18
const WIDEST = 220
const NARROWEST = 110

export function cardOf(edge: Edge): Card {
  const event = isRow(edge) && edge.to !== null ? `${edge.event} → ${edge.to}` : edge.event
  const said: Line[] = [{ text: fitted(event, EVENT, WIDEST), as: 'event', size: EVENT }]
  if (edge.condition) said.push({ text: fitted(edge.condition, SMALL, WIDEST), as: 'condition', size: SMALL })
  if (edge.actions) {
    const broken = lines(`do: ${edge.actions}`, SMALL, WIDEST)
    said.push(...broken.map((text): Line => ({ text, as: 'actions', size: SMALL })))
  }
  const widths = said.map(({ text, size }, i) => widthOf(text, size) + (i === 0 ? COUNT : 0))
  const height = said.reduce((sum, { size }) => sum + size * LEADING, 0)
  return { edge, lines: said, width: Math.max(...widths) + 2 * PAD, height: Math.ceil(height) + PAD }
}

export const staying = ({ edges }: State): Card[] => edges.filter(isRow).map(cardOf)
export const leading = ({ edges }: State): Card[] => edges.filter(edge => !isRow(edge)).map(cardOf)

/** The box of a state: its title, then what it does while it stays. */
export function boxOf(state: State): { rows: Card[]; width: number; height: number } {
  const rows = staying(state)
  const title = widthOf(fitted(state.label, TITLE, WIDEST), TITLE) + COUNT + 3 * PAD
  const width = Math.max(NARROWEST, title, ...rows.map(row => row.width + MARK))
  return { rows, width, height: headOf(rows.length) + rows.reduce((sum, row) => sum + row.height, 0) }
}

/** The height of a title, with a line below it where rows follow. */
export const headOf = (rows: number): number => Math.ceil(TITLE * LEADING) + 2 * PAD + (rows > 0 ? PAD / 2 : 0)

export const titleOf = ({ label }: State): string => fitted(label, TITLE, WIDEST)
