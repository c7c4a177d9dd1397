/** The lines that a terminal of so many columns shows in the end, with all that scrolled away, of what was written to it. */
export function screenOf(text: string, columns = 80): string[] {
  const lines: string[][] = [[]]
  let [x, y, wraps, saved] = [0, 0, true, [0, 0]]
  const down = (): void => {
    y++
    lines[y] ??= []
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what moves the cursor
  for (const [part, order] of text.matchAll(/\u001B(?:\[([?\d;]*[A-Za-z])|[78])|./gsu)) {
    if (part === '\u001B7') saved = [x, y]
    else if (part === '\u001B8') [x, y] = saved as [number, number]
    else if (part === '\r' || order === '1G') x = 0
    else if (part === '\n') down()
    else if (order === 'K' || order === '0K') lines[y]!.splice(x)
    else if (order === '2K') lines[y]!.splice(0)
    else if (order === '?7l' || order === '?7h') wraps = order === '?7h'
    else if (order?.endsWith('m')) continue
    else if (order !== undefined) throw new Error(`the terminal of the tests knows no ${JSON.stringify(part)}`)
    else {
      if (x === columns && wraps) {
        x = 0
        down()
      }
      lines[y]![Math.min(x, columns - 1)] = part
      x = Math.min(x + 1, columns)
    }
  }
  return lines.map(line => Array.from(line, char => char ?? ' ').join(''))
}
