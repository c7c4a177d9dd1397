/** Names in words, and how much room words take; a browser may have any font, so the room is that of a wide one. */

/** `sayStarted` is `say started`. */
export const inWords = (name: string): string =>
  name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase()

/** `isLive` is `if live`. */
export const conditionOf = (guard: string): string => `if ${inWords(guard).replace(/^is /, '')}`

/** Advances of DejaVu Sans, bold, in units of the font's size. */
const NARROW = 0.39
const COMMON = 0.7
const WIDE = 1.05
const WIDTHS: readonly [RegExp, number][] = [
  [/[ijlI.,:;'|!()[\]-]/, NARROW],
  [/[rtf ]/, 0.49],
  [/[mwMW@%]|[^\p{ASCII}]/u, WIDE],
]

/** At most as wide (px) is a text of that size in any font a browser may take. */
export function widthOf(text: string, size: number): number {
  let width = 0
  for (const character of text) width += WIDTHS.find(([of]) => of.test(character))?.[1] ?? COMMON
  return Math.ceil(width * size)
}

/** The text, or as much of it as there is room for. */
export function fitted(text: string, size: number, width: number): string {
  if (widthOf(text, size) <= width) return text
  let kept = ''
  for (const character of text) {
    if (widthOf(`${kept}${character}…`, size) > width) break
    kept += character
  }
  return `${kept}…`
}

/** The words in lines no wider than that, three at most. */
export function lines(text: string, size: number, width: number): string[] {
  const broken: string[] = []
  for (const word of text.split(' ')) {
    const longer = `${broken.at(-1)} ${word}`
    if (broken.length > 0 && (broken.length === 3 || widthOf(longer, size) <= width)) broken[broken.length - 1] = longer
    else broken.push(word)
  }
  return broken.map(line => fitted(line, size, width))
}

/** As XML has it; what XML cannot have is left out. */
export const escaped = (text: string): string =>
  text
    .toWellFormed()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these no XML may hold
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
