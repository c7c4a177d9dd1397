import { globSync, readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { basename, dirname, join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { RollcallError } from '../../../errors.ts'
import { escaped } from '../../escaped.ts'
import { PAGE_HEADERS, pageHead } from '../../page-headers.ts'
import { of } from '../reference/route.ts'

const HTML = 'text/html; charset=utf-8'
const TEXT = 'text/plain; charset=utf-8'
const FENCE = '```'

const manual = of('anyone', {
  ...{ group: 'Pages', does: 'A page of the documentation: `http.md`.', codes: ['RC_NOT_FOUND'] },
  more: 'To whoever accepts `text/html`, as browsers do, as HTML with a place for each heading.',
  answers: { 200: { type: 'text/plain', is: 'The page, as Markdown.' } },
})

interface OfFile {
  Params: { file: string }
}

/** The route of the documentation, which comes with the program. */
export function manualRoute(app: FastifyInstance): void {
  const pages = documentation()
  app.get<OfFile>('/docs/:file', manual, async ({ params: { file }, headers: { accept = '' } }, reply) => {
    const path = pages().get(file)
    if (path === undefined) throw new RollcallError('RC_NOT_FOUND')
    const text = readFileSync(path, 'utf8')
    const isForBrowser = accept.includes('text/html')
    reply.headers(PAGE_HEADERS).type(isForBrowser ? HTML : TEXT)
    return isForBrowser ? manualAsHtml(file, text) : text
  })
}

/** Where the pages of the documentation lie that came with the program, by name; looked for when the first is asked for. */
function documentation(): () => Map<string, string> {
  let pages: Map<string, string> | undefined
  return () => {
    if (pages) return pages
    const root = dirname(findPackageJSON('.', import.meta.url)!)
    const paths = globSync(['README.md', 'docs/*.md'], { cwd: root })
    pages = new Map(paths.map(path => [basename(path), join(root, path)]))
    return pages
  }
}

/** The text as it is, but that each heading is a place that addresses lead to, and links to other pages lead there. */
function manualAsHtml(name: string, text: string): string {
  const taken = new Map<string, number>()
  let isCode = false
  const lines = text.split('\n').map(line => {
    if (line.startsWith(FENCE)) isCode = !isCode
    if (isCode) return escaped(line)
    const [, heading] = /^#{1,6} (.+)$/.exec(line) ?? []
    return heading === undefined
      ? linked(escaped(line))
      : `<b id="${anchorOf(heading, taken)}" tabindex="-1">${escaped(line)}</b>`
  })
  return `${pageHead(`Rollcall: ${escaped(name)}`)}
<link rel="stylesheet" href="../front/front.css">
<link rel="icon" href="data:,">
</head>
<body>
<nav aria-label="More"><a href="../">Rollcall</a> <a href="README.md">Documentation</a></nav>
<main><pre>${lines.join('\n')}</pre></main>
</body>
</html>
`
}

/** As GitHub names a heading in an address: one that was there before has a number. */
function anchorOf(heading: string, taken: Map<string, number>): string {
  const name = heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
  const before = taken.get(name) ?? 0
  taken.set(name, before + 1)
  return before === 0 ? name : `${name}-${before}`
}

/** Links to pages of the documentation, which lie in one folder here. */
const linked = (line: string): string =>
  line.replace(
    /\[([^\]]+)\]\((?:[\w./-]*\/)?([\w-]+\.md)?(#[^)\s]+)?\)/g,
    (all, text: string, file = '', anchor = '') =>
      file + anchor === '' ? all : `<a href="${file}${anchor}">${text}</a>`,
  )
