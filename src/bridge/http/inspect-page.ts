import { readFile } from 'node:fs/promises'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { RollcallError } from '../../errors.ts'
import { OF_ANYONE } from '../callers.ts'

const FOLDER = new URL('./inspect/page/', import.meta.url)
const SHELL = 'index.html'

/** The files of the page, and no others, with their types. */
const FILES: Readonly<Record<string, string>> = {
  [SHELL]: 'text/html; charset=utf-8',
  'inspector.js': 'text/javascript; charset=utf-8',
  'inspector.css': 'text/css; charset=utf-8',
}

/** What the page may load and do: nothing but what comes from here, and nobody else may show it. */
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:"],
  ...["base-uri 'none'", "frame-ancestors 'none'", "form-action 'none'"],
].join('; ')

/** Headers of every answer of the inspector. */
const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** The shell of the inspector and what it loads: all that anybody may fetch of it, since no data is in it. */
export function inspectPageRoutes(app: FastifyInstance): void {
  app.addHook('onRequest', async (_request, reply) => void reply.headers(HEADERS))

  app.get('/inspect', OF_ANYONE, (_request, reply) => send(SHELL, reply))
  app.get<{ Params: { file: string } }>('/inspect/page/:file', OF_ANYONE, ({ params: { file } }, reply) =>
    send(file, reply),
  )
}

async function send(file: string, reply: FastifyReply): Promise<Buffer> {
  if (!Object.hasOwn(FILES, file)) throw new RollcallError('RC_NOT_FOUND')
  reply.type(FILES[file]!)
  return readFile(new URL(file, FOLDER))
}
