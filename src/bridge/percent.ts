/** The text that stands percent-encoded in another; null where that is not UTF-8, percent-encoded. */
export function decoded(text: string): string | null {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
