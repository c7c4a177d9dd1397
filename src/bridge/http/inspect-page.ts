import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { KINDS } from '../../../actors/kinds.ts'
import { RollcallError } from '../../errors.ts'
import type { Bridge } from '../index.ts'
import { PAGE_HEADERS } from '../page-headers.ts'
import { hidden, of } from './reference/route.ts'

const FOLDER = new URL('./inspect/page/', import.meta.url)
/** The place of the links to the kinds. */
const PLACE = /(<nav id="kinds"[^>]*>)/

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const page = of('anyone', {
  ...{ group: 'Pages', does: 'The inspector; no data is in it.' },
  answers: { 200: { type: 'text/html', is: 'The page.' } },
})
const file = hidden('anyone', 'a file that the inspector loads')

/** The shell of the inspector and what it loads: all that anybody may fetch of it, since no data is in it. */
export function inspectPageRoutes(app: FastifyInstance, { callers }: Bridge): void {
  const files = new Set(readdirSync(FOLDER))
  const links = KINDS.map(({ kind }) => `<a href="#/${kind}" data-kind="${kind}">${kind}</a>`).join('')
  const shell = readFileSync(new URL('index.html', FOLDER), 'utf8').replace(PLACE, `$1${links}`)
  app.addHook('onRequest', async (_request, reply) => void reply.headers(PAGE_HEADERS))

  // A page that may ask without a token need not ask its reader for one.
  app.get('/inspect', page, (_request, reply) => {
    reply.header('rollcall-token', callers === null ? 'none' : 'operator')
    reply.type(TYPES['.html']!)
    return shell
  })
  app.get<{ Params: { file: string } }>('/inspect/page/:file', file, ({ params: { file } }, reply) => {
    if (!files.has(file)) throw new RollcallError('RC_NOT_FOUND')
    return send(file, reply)
  })
}

function send(file: string, reply: FastifyReply): Promise<Buffer> {
  reply.type(TYPES[extname(file)] ?? 'application/octet-stream')
  return readFile(new URL(file, FOLDER))
}
