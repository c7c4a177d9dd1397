import { Ajv2020 } from 'ajv/dist/2020.js'
import Fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import type { Operation } from '../src/bridge/http/reference/document.ts'
import { of, routesOf } from '../src/bridge/http/reference/route.ts'
import type { Schema } from '../src/bridge/http/reference/schemas.ts'
import { ERRORS } from '../src/errors.ts'
import { described } from './support/described.ts'
import { doors, SECRET, tokenOf } from './support/doors.ts'

const { document, routes, hidden, reference } = await described()
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]): [string, Operation] => [
    `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
    operation,
  ]),
)

/** Codes that only a command, the log of the program or an effect has. */
const ELSEWHERE = [
  ...['RC_UNREACHABLE', 'RC_OWNED', 'RC_DATA_DIR_LOCKED', 'RC_DATA_DIR_UNUSABLE', 'RC_LISTEN_FAILED'],
  ...['RC_CONFIG_INVALID', 'RC_CONFIG_CHANGED', 'RC_SERVICE_UNREACHABLE', 'RC_SERVICE_BUSY', 'RC_SERVICE_REFUSED'],
]

/** All schemas in a value, with those inside of them. */
function schemasIn(value: unknown): Schema[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.entries(value).flatMap(([name, each]) => (name === 'examples' ? [] : schemasIn(each)))
  return [value as Schema, ...inner]
}

describe('the document of the routes', () => {
  test('has every route of the server but the hidden ones, which have a reason, and no other', () => {
    expect(
      [...operations.map(([name]) => name), ...hidden.map(({ method, path }) => `${method} ${path}`)].sort(),
    ).toEqual(routes.sort())
    expect(hidden.filter(({ reason }) => !/^(a|the) (file|module|style sheet)\b/.test(reason))).toEqual([])
  })

  test('refers to nothing that it does not hold', () => {
    const at = (ref: string) =>
      ref
        .slice(2)
        .split('/')
        .reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], document)
    const refs = schemasIn(document).flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []))
    expect(refs.length).toBeGreaterThan(100)
    expect(refs.filter(ref => at(ref) === undefined)).toEqual([])
  })

  test('has schemas by the draft it says, whose examples fit them', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, schemas: [{ ...document, $id: 'rollcall' }] })
    const found = schemasIn(document).filter(({ examples }) => Array.isArray(examples))
    expect(found.length).toBeGreaterThan(15)
    for (const schema of found) {
      const whole = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"rollcall#/'))
      for (const example of schema.examples!)
        expect([example, ajv.validate(whole, example), ajv.errors]).toEqual([example, true, null])
    }
  })

  test('gives each operation a name of its own, a sentence, and a status that is no refusal', () => {
    expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(operations.length)
    expect(operations.filter(([, { summary }]) => !summary.endsWith('.'))).toEqual([])
    const without = operations.filter(
      ([, { responses }]) => !Object.keys(responses).some(status => Number(status) < 300),
    )
    expect(without).toEqual([])
  })

  test('names every code that is answered over HTTP, with the status of it', () => {
    const named = operations.flatMap(([, { responses }]) =>
      Object.entries(responses).flatMap(([status, { description }]) =>
        [...description.matchAll(/`(RC_\w+)`/g)].map(([, code]) => `${code} ${status}`),
      ),
    )
    const all = Object.entries(ERRORS).filter(([code]) => !ELSEWHERE.includes(code))
    expect([...new Set(named)].sort()).toEqual(all.map(([code, [status]]) => `${code} ${status}`).sort())
  })

  test('says which token a route asks for, and that without authentication none is needed', async () => {
    const { app, ask } = doors()
    const { body } = await ask('/openapi.json')
    await app.close()
    const of = (path: string, verb: string) => body.paths[path][verb].security
    expect(of('/sessions', 'get')).toEqual([{ token: [] }])
    expect(of('/trending', 'put')).toEqual([{ token: ['service'] }])
    expect(of('/parked', 'get')).toEqual([{ token: ['operator'] }])
    expect(of('/pusher/webhook', 'post')).toEqual([{ pusher: [] }])
    expect(of('/livez', 'get')).toEqual([])
    expect(document.paths['/parked']!.get!.security).toEqual([{}, { token: ['operator'] }])
  })

  test('is refused to nobody, and says the limits of its own server', async () => {
    const { app, ask } = doors({ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_RATE_RECORDS: '4321' })
    const [open, own] = [await ask('/openapi.json'), await ask('/reference', { token: await tokenOf({ sub: 'ann' }) })]
    await app.close()
    expect([open.status, own.status]).toEqual([200, 200])
    expect(open.body.info.description).toContain('4,321 records')
    expect(own.body).toContain('4,321 records')
  })
})

describe('a route', () => {
  test('cannot be made without a description', async () => {
    const app = Fastify()
    const made = routesOf(app)
    expect(() => app.get('/new', async () => 'x')).toThrow('The route GET /new has no description.')
    app.get(
      '/told',
      of('user', { group: 'Pages', does: 'Tells.', answers: { 200: { type: 'text/plain', is: 'It.' } } }),
      async () => 'x',
    )
    expect(made.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /told'])
    await app.close()
  })
})

describe('the reference', () => {
  test('shows every operation, schema and code, and leads to nothing that is not on it', () => {
    const ids = [...reference.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    const links = [...reference.matchAll(/ href="#([^"]+)"/g)].map(([, link]) => link)
    expect(operations.filter(([, { operationId }]) => !ids.includes(operationId))).toEqual([])
    expect(Object.keys(document.components.schemas).filter(name => !ids.includes(name))).toEqual([])
    expect(Object.keys(ERRORS).filter(code => !ids.includes(code))).toEqual([])
    expect([...new Set(links)].filter(link => !ids.includes(link))).toEqual([])
  })

  test('has nothing from elsewhere, no script and no style of its own', async () => {
    const { app, ask } = doors({})
    const { headers } = await ask('/reference')
    const { status, headers: ofSheet } = await ask('/reference/reference.css')
    await app.close()
    expect(headers['content-security-policy']).toContain("default-src 'none'")
    expect([status, ofSheet['content-type']]).toEqual([200, 'text/css; charset=utf-8'])
    expect(reference).not.toMatch(/<script|style=|(src|href)="(https?:)?\/\//)
  })
})
