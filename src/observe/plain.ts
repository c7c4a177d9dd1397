/** Plain: whatever stands on a terminal passes here, since names and texts of others may hold what moves its cursor. */

/** Controls, other ends of lines, and what turns the direction of the text around it. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const hex = (char: string, digits: number): string => char.charCodeAt(0).toString(16).padStart(digits, '0')

/** The text with controls shown, not sent. */
export const plain = (text: string): string =>
  text.replace(UNSAFE, char => (char < '\u0100' ? `\\x${hex(char, 2)}` : `\\u${hex(char, 4)}`))

/** Lines for a person, whose ends are the only controls that are sent. */
export const plainLines = (text: string): string => text.split('\n').map(plain).join('\n')

/** The value as JSON in a line, with controls escaped that JSON may hold as they are. */
export const json = (value: unknown): string => JSON.stringify(value).replace(UNSAFE, char => `\\u${hex(char, 4)}`)
