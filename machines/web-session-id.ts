/** The id of a web session: `<visitor>-<day>`, from the second of a day on with `#<index>`. */
export const sessionId = (visitorId: string, day: string, index: number): string =>
  index === 1 ? `${visitorId}-${day}` : `${visitorId}-${day}#${index}`

/** What `sessionId` was made of, or null if the text is no such id. */
export function parseSessionId(id: string): { visitorId: string; day: string; index: number } | null {
  const match = /^(.+)-(\d{4}-\d{2}-\d{2})(?:#([1-9]\d{0,8}))?$/su.exec(id)
  return match && match[3] !== '1' ? { visitorId: match[1]!, day: match[2]!, index: Number(match[3] ?? 1) } : null
}
