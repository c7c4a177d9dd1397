import { plain } from '../../observe/plain.ts'

/** Lines of a table whose columns stand below each other; the last column is as long as it is. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const lines = [head, ...rows.map(row => row.map(cell))]
  const widths = head.map((_, i) => lines.reduce((width, line) => Math.max(width, line[i]!.length), 0))
  return lines
    .map(line =>
      line
        .map((text, i) => (i === line.length - 1 ? text : text.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export const cell = (value: unknown): string =>
  value === null || value === undefined ? '-' : plain(typeof value === 'string' ? value : JSON.stringify(value))

const [EARLIEST, LATEST] = [-8.64e15, 8.64e15]

/** A time (ms) as people read it; whatever is none, as it is. */
export const moment = (at: unknown): string =>
  typeof at === 'number' && at >= EARLIEST && at <= LATEST ? new Date(at).toISOString() : cell(at)

const OF_TIME =
  /^(at|ts|start|end|created|started|ended|from|to|deadline|written|closeAt|lastArrival|askedAt|ranAt|window)$/
const [FIRST, LAST] = [Date.UTC(2000, 0), Date.UTC(2200, 0)]

/** A value as a tree of lines, times as times. */
export function tree(value: unknown, name: string, indent = ''): string[] {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) {
    const isTime = OF_TIME.test(name) && typeof value === 'number' && value >= FIRST && value < LAST
    return [`${indent}${cell(name)}: ${isTime ? moment(value) : cell(value)}`]
  }
  const inside = Object.entries(value).flatMap(([each, below]) =>
    tree(below, Array.isArray(value) && OF_TIME.test(name) ? name : each, `${indent}  `),
  )
  return [`${indent}${cell(name)}:`, ...inside]
}
