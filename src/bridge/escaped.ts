const MARKS: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** The text for a place in HTML, an attribute's too. */
export const escaped = (text: string): string => text.replace(/[&<>"]/g, mark => MARKS[mark]!)
