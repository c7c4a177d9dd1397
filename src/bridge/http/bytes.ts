import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { parse as parseForm } from 'node:querystring'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { RollcallError } from '../../errors.ts'
import { decoded } from '../percent.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** reads what a JSON body mostly is; null: it is read as any other */
    scan?: (body: Buffer) => object | null
  }
}

const FORM = 'application/x-www-form-urlencoded'
const CHARSETS = ['', 'utf-8', 'utf8', 'us-ascii']

/**
 * Bytes of requests are read as UTF-8 and refused where they are not, since with U+FFFD in their place two ids would
 * become one. An empty body is none, of whatever type it is said to be; a compressed one is not unpacked.
 */
export function readBytes(app: FastifyInstance): void {
  app.addHook('preParsing', (request, reply, _payload, done) => {
    const { headers, url } = request
    const query = url.indexOf('?')
    if (query >= 0 && decoded(url.slice(query)) === null)
      return done(new RollcallError('RC_BAD_REQUEST', 'The query is not UTF-8, percent-encoded.'))
    if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0) {
      delete headers['content-type']
      return done()
    }
    if (!isPlain(headers)) {
      reply.header('accept-encoding', 'identity')
      return done(unsupported('The body must not be compressed.'))
    }
    done(CHARSETS.includes(charsetOf(headers)) ? null : unsupported('The body must be in UTF-8.'))
  })

  const read = jsonReader(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    try {
      done(null, body.length === 0 ? undefined : (request.routeOptions.config.scan?.(body) ?? read(body)))
    } catch (error) {
      done(error as Error)
    }
  })
  app.addContentTypeParser('*', ofOtherType)
}

/** Reads JSON from bytes. Throws RC_INVALID_JSON. */
export function jsonReader(app: FastifyInstance): (body: Buffer) => unknown {
  const parse = app.getDefaultJsonParser('remove', 'ignore')
  return body => {
    if (!isUtf8(body)) throw notUtf8()
    let read: unknown
    parse(null as never, body.toString(), (error, value) => {
      if (error) throw new RollcallError('RC_INVALID_JSON')
      read = value
    })
    return read
  }
}

/** JSON is given as the text it is, for those who hold a signature against it. */
export function readTexts(app: FastifyInstance): void {
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) =>
    isUtf8(body) ? done(null, body.toString()) : done(notUtf8()),
  )
}

/** Forms are read too: pusher-js sends them. */
export function readForms(app: FastifyInstance): void {
  app.addContentTypeParser(FORM, { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    const text = isUtf8(body) ? body.toString() : '%'
    if (decoded(text) === null) return done(new RollcallError('RC_BAD_REQUEST', 'The form is not UTF-8.'))
    done(null, { ...parseForm(text) })
  })
}

/** A body of another type, or of none, is read until it is known whether there is one. */
async function ofOtherType(request: FastifyRequest, payload: IncomingMessage): Promise<void> {
  if (request.is404) return
  if (request.headers['content-length'] !== undefined) throw unsupported()
  for await (const _ of payload.iterator({ destroyOnReturn: false })) throw unsupported()
}

const notUtf8 = (): RollcallError => new RollcallError('RC_INVALID_JSON', 'The body is not UTF-8.')
const unsupported = (message?: string): RollcallError => new RollcallError('RC_UNSUPPORTED_MEDIA_TYPE', message)

const isPlain = ({ 'content-encoding': encoding = '' }: IncomingHttpHeaders): boolean =>
  encoding.split(',').every(coding => ['', 'identity'].includes(coding.trim().toLowerCase()))

const charsetOf = ({ 'content-type': type = '' }: IncomingHttpHeaders): string =>
  (/;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(type)?.[1] ?? '').toLowerCase()
