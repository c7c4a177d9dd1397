import { readdirSync, readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { RollcallError } from '../../../errors.ts'
import { OF_ANYONE, OF_OPERATOR } from '../../callers.ts'
import type { Bridge } from '../../index.ts'
import { PAGE_HEADERS } from '../../page-headers.ts'
import { figures } from './figures.ts'
import { figuresAsHtml, page } from './page.ts'

const HTML = 'text/html; charset=utf-8'
const TEXT = 'text/plain; charset=utf-8'
const TYPES = { 'front.js': 'text/javascript; charset=utf-8', 'front.css': 'text/css; charset=utf-8' } as const

interface OfFile {
  Params: { file: string }
}

/** Routes of the first page, and of the documentation that it leads to, which comes with the program. */
export function frontRoutes(app: FastifyInstance, bridge: Bridge): void {
  const look = figures(bridge)
  const files = new Map<string, string>()
  const manual = documentation()

  app.get('/', OF_ANYONE, async (_request, reply) => {
    guarded(reply, HTML)
    return page(bridge.callers ? null : figuresAsHtml(await look()))
  })

  app.get('/figures', OF_OPERATOR, async (_request, reply) => {
    guarded(reply, HTML)
    return figuresAsHtml(await look())
  })

  app.get<OfFile>('/front/:file', OF_ANYONE, async ({ params: { file } }, reply) => {
    if (!isListed(file)) throw new RollcallError('RC_NOT_FOUND')
    guarded(reply, TYPES[file])
    const path = fileURLToPath(new URL(`./page/${file}`, import.meta.url))
    if (!files.has(file)) files.set(file, readFileSync(path, 'utf8'))
    return files.get(file)
  })

  app.get<OfFile>('/docs/:file', OF_ANYONE, async ({ params: { file } }, reply) => {
    const path = manual().get(file)
    if (path === undefined) throw new RollcallError('RC_NOT_FOUND')
    guarded(reply, TEXT)
    return readFileSync(path, 'utf8')
  })
}

const isListed = (file: string): file is keyof typeof TYPES => Object.hasOwn(TYPES, file)

const guarded = (reply: FastifyReply, type: string): FastifyReply => reply.headers(PAGE_HEADERS).type(type)

/** Where the pages of the documentation lie, by name; looked for when the first is asked for. */
function documentation(): () => Map<string, string> {
  let pages: Map<string, string> | undefined
  return () => {
    if (pages) return pages
    const root = dirname(findPackageJSON('.', import.meta.url)!)
    const names = readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md'))
    pages = new Map([
      ['README.md', join(root, 'README.md')],
      ...names.map((name): [string, string] => [name, join(root, 'docs', name)]),
    ])
    return pages
  }
}
