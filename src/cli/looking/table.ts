/** Lines of a table whose columns stand below each other; the last column is as long as it is. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const lines = [head, ...rows.map(row => row.map(cell))]
  const widths = head.map((_, i) => Math.max(...lines.map(line => line[i]!.length)))
  return lines
    .map(line =>
      line
        .map((text, i) => (i === line.length - 1 ? text : text.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Controls of a terminal that names may hold are shown, not sent. */
const plain = (text: string): string =>
  text.replace(/\p{Cc}/gu, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

export const cell = (value: unknown): string =>
  value === null || value === undefined ? '-' : plain(typeof value === 'string' ? value : JSON.stringify(value))

/** A time (ms) as people read it. */
export const moment = (at: number | null): string => (at === null ? '-' : new Date(at).toISOString())

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
