/** A record's space and names as one text, under which prefixes of names are prefixes of the text. */
import type { RecordKey, Space } from './index.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they end a name, so none may be inside one
const REPLACED = /[\0\x01]/
const escaped = (name: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
  REPLACED.test(name) ? name.replace(/[\0\x01]/g, c => (c === '\0' ? '\x01\x01' : '\x01\x02')) : name
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const unescaped = (text: string): string => text.replace(/\x01[\x01\x02]/g, c => (c[1] === '\x01' ? '\0' : '\x01'))

/** A name as text: among the facts of an event that names come from, such as a heartbeat's stream, may be anything. */
export const textOf = (name: unknown): string => (typeof name === 'string' ? name : `${JSON.stringify(name)}`)

export function idOf({ space, names }: RecordKey): string {
  const parts: string[] = [space]
  for (const name of names) parts.push(escaped(textOf(name)))
  parts.push('')
  // Joined, it is one flat text; added up, each would hold its parts as well for as long as it is kept.
  return parts.join('\0')
}

export function keyOf(id: string): RecordKey {
  const [space, ...names] = id.split('\0')
  return { space: space as Space, names: names.slice(0, -1).map(unescaped) }
}

export const spaceOf = (id: string): Space => id.slice(0, id.indexOf('\0')) as Space
