import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { RollcallError } from '../../errors.ts'
import { isLoopback } from '../auth-settings.ts'
import type { Bridge } from '../index.ts'

const METHODS = 'GET, POST, PUT, DELETE'
const HEADERS = 'authorization, content-type, rollcall-after, traceparent'
const EXPOSED = 'rollcall-position, rollcall-time, retry-after'
/** As long a browser may go without asking again; Chromium takes no longer. */
const PREFLIGHT_S = 7_200
/** The places of a page, as a browser names them, from which no other one sends. */
const FROM_HERE = ['same-origin', 'same-site', 'none']

/**
 * Which pages may ask: those of `ROLLCALL_ORIGINS` are told so; without authentication those of this machine too, and
 * nobody else gets an answer, lest a page from elsewhere, or a name that leads here, does what it likes.
 */
export function guardOrigins(app: FastifyInstance, { settings, callers }: Bridge): void {
  const listed = new Set(settings.origins)
  const isWelcome = (origin: string): boolean => listed.has(origin) || (callers === null && isLocal(origin))

  app.addHook('onRequest', (request, reply, done) => {
    const { host, origin, 'sec-fetch-site': site } = request.headers
    const isTold = origin !== undefined && isWelcome(origin)
    if (isTold) tell(reply, origin)
    if (callers === null && !isOfLoopback(host)) return done(notFrom('a Host that is not loopback'))
    const isFromHere = origin === undefined ? site === undefined || FROM_HERE.includes(String(site)) : isTold
    if (callers === null && !isFromHere) return done(notFrom('a page from elsewhere'))
    // Nothing is looked at for it, so it costs less than to be refused; browsers send it without a token.
    if (isTold && isPreflight(request)) return void answer(reply)
    done()
  })
}

const isPreflight = ({ method, headers }: FastifyRequest): boolean =>
  method === 'OPTIONS' && headers['access-control-request-method'] !== undefined

function tell(reply: FastifyReply, origin: string): void {
  reply.header('access-control-allow-origin', origin).header('vary', 'origin')
  reply.header('access-control-expose-headers', EXPOSED)
}

function answer(reply: FastifyReply): void {
  reply.header('access-control-allow-methods', METHODS).header('access-control-allow-headers', HEADERS)
  reply.header('access-control-max-age', PREFLIGHT_S).code(204).send()
}

const notFrom = (where: string): RollcallError =>
  new RollcallError('RC_NOT_ALLOWED', `Without authentication nothing is answered to ${where}.`)

export const isOfLoopback = (host: string | undefined): boolean =>
  host !== undefined && isLoopback(host.replace(/:\d{1,5}$/, ''))

const isLocal = (origin: string): boolean => {
  const [, host] = /^https?:\/\/([^/]+)$/.exec(origin) ?? []
  return isOfLoopback(host)
}
