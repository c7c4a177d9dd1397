import { z } from 'zod'
import { listOf } from './answer.ts'
import { complain, say, sayJson } from './print.ts'
import { ask, type Server } from './server.ts'
import { table } from './table.ts'

/** Items that one answer of a server holds at most. */
const MOST_OF_PAGE = 1_000

interface Page {
  next?: string | undefined
}

interface Asked<P> {
  path: string
  query: Record<string, string | undefined>
  /** items that are asked for in all */
  limit: number
  shape: z.ZodType<P>
  count(page: P): number
}

/** The pages of a list, one after another, until there are as many items as are asked for; `isCut`: there are more. */
export async function pagesOf<P extends Page>(
  server: Server,
  { path, query, limit, shape, count }: Asked<P>,
): Promise<{ pages: P[]; isCut: boolean }> {
  const pages: P[] = []
  let after: string | undefined
  for (let left = limit; ; ) {
    const asked = new URLSearchParams({ limit: String(Math.min(left, MOST_OF_PAGE)) })
    for (const [name, value] of Object.entries({ ...query, after })) if (value !== undefined) asked.set(name, value)
    const page = await ask(server, `${path}?${asked}`, shape)
    pages.push(page)
    const found = count(page)
    left -= found
    after = page.next
    if (after === undefined) return { pages, isCut: false }
    if (left <= 0 || found === 0) return { pages, isCut: true }
  }
}

export function sayCut(isCut: boolean): void {
  if (isCut) complain('There are more: --limit says how many are listed.')
}

/** A list as it is shown: JSON lines for programs, else a table. */
export async function showList<T>(
  server: Server,
  { name, item, ...asked }: Omit<Asked<never>, 'shape' | 'count'> & { name: string; item: z.ZodType<T> },
  shown: { isForPrograms: boolean; head: readonly string[]; row(item: T): readonly unknown[] },
): Promise<void> {
  const listed = z.object({ [name]: listOf(item) })
  const shape = z.object({ next: z.string().optional() }).and(listed)
  const { pages, isCut } = await pagesOf(server, { ...asked, shape, count: page => page[name]!.length })
  const items = pages.flatMap(page => page[name]!)
  sayCut(isCut)
  if (!shown.isForPrograms) say(table(shown.head, items.map(shown.row)))
  else for (const item of items) sayJson(item)
}
