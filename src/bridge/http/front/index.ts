import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { RollcallError } from '../../../errors.ts'
import type { Bridge } from '../../index.ts'
import { parseOne } from '../../inputs.ts'
import { PAGE_HEADERS } from '../../page-headers.ts'
import { hidden, of } from '../reference/route.ts'
import { lastAnswers } from './answers.ts'
import { figures } from './gathering.ts'
import { manualRoute } from './manual.ts'
import { figuresAsHtml, page } from './page.ts'
import { figuresAnswer } from './shape.ts'

const HTML = 'text/html; charset=utf-8'
const TYPES = { 'front.js': 'text/javascript; charset=utf-8', 'front.css': 'text/css; charset=utf-8' } as const

/** The page of the sessions that is shown. */
const query = z.object({
  sessions: z
    .string()
    .regex(/^\d{1,4}$/, { error: 'must be the number of a page' })
    .transform(Number)
    .optional(),
})

const front = of('anyone', {
  ...{ group: 'Pages', does: 'The first page; with authentication a shell that asks for an operator’s token.' },
  ...{ query, answers: { 200: { type: 'text/html', is: 'The page.' } } },
})
const shown = of('operator', {
  ...{ group: 'Pages', does: 'What the first page shows, as HTML.' },
  ...{ query, answers: { 200: { type: 'text/html', is: 'A part of the page.' } } },
})
const told = of('operator', {
  ...{ group: 'Pages', does: 'What the first page shows, as `rollcall top` reads it.' },
  ...{ query, answers: { 200: figuresAnswer } },
})
interface OfFile {
  Params: { file: string }
}

/** Routes of the first page, and of the documentation that it leads to. */
export function frontRoutes(app: FastifyInstance, bridge: Bridge): void {
  const look = figures(bridge, lastAnswers(app, bridge))
  const files = new Map<string, string>()

  const { time } = bridge
  const asked = (given: unknown) => look(parseOne(query, given, time.now()).sessions)

  app.get('/', front, async (request, reply) => {
    guarded(reply, HTML)
    return page(bridge.callers ? null : figuresAsHtml(await asked(request.query)))
  })

  app.get('/figures', shown, async (request, reply) => {
    guarded(reply, HTML)
    return figuresAsHtml(await asked(request.query))
  })

  app.get('/figures.json', told, request => asked(request.query))

  app.get<OfFile>(
    '/front/:file',
    hidden('anyone', 'a file that the first page loads'),
    async ({ params: { file } }, reply) => {
      if (!isListed(file)) throw new RollcallError('RC_NOT_FOUND')
      guarded(reply, TYPES[file])
      const path = fileURLToPath(new URL(`./page/${file}`, import.meta.url))
      if (!files.has(file)) files.set(file, readFileSync(path, 'utf8'))
      return files.get(file)
    },
  )

  manualRoute(app)
}

const isListed = (file: string): file is keyof typeof TYPES => Object.hasOwn(TYPES, file)

const guarded = (reply: FastifyReply, type: string): FastifyReply => reply.headers(PAGE_HEADERS).type(type)
