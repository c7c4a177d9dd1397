import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Bridge } from '../../index.ts'
import { PAGE_HEADERS } from '../../page-headers.ts'
import { type OpenApi, openApi } from './document.ts'
import { reference } from './page.ts'
import { hidden, of, type Route } from './route.ts'

const document = of('anyone', {
  ...{ group: 'Pages', does: 'This document, as OpenAPI 3.1.', answers: { 200: z.looseObject({}) } },
})
const page = of('anyone', {
  ...{ group: 'Pages', does: 'This document, for a reader.' },
  answers: { 200: { type: 'text/html', is: 'The page.' } },
})
const sheet = hidden('anyone', 'the style sheet of the reference')

/** Routes of the document that describes all of them, and of the page that is made from it. */
export function referenceRoutes(
  app: FastifyInstance,
  { settings: { rates }, callers }: Bridge,
  routes: readonly Route[],
): void {
  let made: OpenApi | undefined
  let [text, html, css]: (string | undefined)[] = []
  const described = (): OpenApi => {
    made ??= openApi(routes, { rates, isOpen: callers === null })
    return made
  }

  app.get('/openapi.json', document, async (_request, reply) => {
    text ??= JSON.stringify(described())
    reply.type('application/json; charset=utf-8')
    return text
  })

  app.get('/reference', page, async (_request, reply) => {
    html ??= reference(described())
    reply.headers(PAGE_HEADERS).type('text/html; charset=utf-8')
    return html
  })

  app.get('/reference/reference.css', sheet, async (_request, reply) => {
    css ??= readFileSync(new URL('page/reference.css', import.meta.url), 'utf8')
    reply.headers(PAGE_HEADERS).type('text/css; charset=utf-8')
    return css
  })
}
