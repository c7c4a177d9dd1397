/** Cells of numbers stand to the right. */
export interface Column {
  name: string
  isNumber?: boolean
}

/** A table that a narrow screen scrolls sideways, with its first column as the heads of rows; cells are HTML. */
export function table(id: string, columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const kind = ({ isNumber }: Column): string => (isNumber ? ' class="n"' : '')
  const head = columns.map(column => `<th scope="col"${kind(column)}>${column.name}</th>`).join('')
  const lines = rows.map(cells => {
    const [first, ...rest] = cells.map((text, i) =>
      i === 0 ? `<th scope="row"${kind(columns[i]!)}>${text}</th>` : `<td${kind(columns[i]!)}>${text}</td>`,
    )
    return `<tr>${first}${rest.join('')}</tr>`
  })
  return `<div class="wide" id="${id}" tabindex="0" role="region" aria-label="table"><table><thead><tr>${head}</tr></thead><tbody>${lines.join('\n')}</tbody></table></div>`
}
