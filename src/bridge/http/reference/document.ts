import type { z } from 'zod'
import type { ErrorCode } from '../../../errors.ts'
import { refusal } from '../../answers.ts'
import type { Access } from '../../callers.ts'
import { param } from '../../inputs.ts'
import type { Rates } from '../../limits.ts'
import { mayWait, refusalsOf } from './refused.ts'
import { GROUPS, type Route, type Said, type Text } from './route.ts'
import { type Schema, Schemas } from './schemas.ts'

/** The version of the interface, not of the program. */
const VERSION = '1.0.0'
const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'

export interface Parameter {
  $ref?: string
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  description?: string
  schema: Schema
}

type Content = Record<string, { schema: Schema }>

export interface Operation {
  operationId: string
  tags: string[]
  summary: string
  description: string
  security: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { description: string; required: boolean; content: Content }
  responses: Record<string, { description: string; headers: Record<string, { $ref: string }>; content?: Content }>
}

export interface OpenApi {
  openapi: string
  info: { title: string; version: string; description: string }
  servers: { url: string }[]
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
  components: Record<'schemas' | 'parameters' | 'headers' | 'securitySchemes', Record<string, object>>
}

/** How this server is set up. */
interface Setup {
  rates: Rates
  /** without authentication: everybody may do everything */
  isOpen: boolean
}

const WHO: Readonly<Record<Access, string>> = {
  probe: 'Anybody may ask, and is not limited.',
  signed: 'Whoever signs it may ask.',
  anyone: 'Anybody may ask, without a token too.',
  user: 'Users and guests may ask, with a token, as far as it concerns themselves; services for everybody.',
  service: 'Services may ask: the scope `service`.',
  operator: 'Operators may ask: the scope `operator`, or a token signed by their own secret.',
  scraper: 'Operators may ask, and who has `ROLLCALL_METRICS_TOKEN`.',
}
/** Roles beside a token, as OpenAPI 3.1 has them. */
const ROLES: Readonly<Partial<Record<Access, string[]>>> = {
  user: [],
  service: ['service'],
  operator: ['operator'],
  scraper: ['operator'],
}

const number = (value: number): string => value.toLocaleString('en')

const description = ({ rates: { requests, records, bytes }, isOpen }: Setup): string => `\
Who is live, who is watching, and what every visit was. Times are ms since the epoch.

A write that changes state through the log answers 202 once the log has it durably, with \`Rollcall-Position\`; a read \
sent with \`Rollcall-After\` waits until those positions are readable, 20 s at most. Each GET answers HEAD too, but for \
those that go on. Fields that are not known are dropped. A route that is not listed is 404, by any method.

In a minute a user may send ${number(requests)} requests, ${number(records)} records and ${number(bytes)} bytes; all without a valid token share \
as much; services have no limit. A body is 1 MiB at most, in UTF-8 and not compressed. A list has pages of \`limit\` \
items, 1,000 at most: \`next\` is the next one's \`after\`, and absent on the last.${
  isOpen ? '\n\nThis server runs without authentication: from its own machine everybody may do everything.' : ''
}`

/** The routes as an OpenAPI 3.1 document. */
export function openApi(routes: readonly Route[], setup: Setup): OpenApi {
  const schemas = new Schemas()
  const paths: OpenApi['paths'] = {}
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, schemas, setup) }
  }
  const used = new Set(routes.map(({ said }) => said.group))
  return {
    openapi: '3.1.0',
    info: { title: 'Rollcall', version: VERSION, description: description(setup) },
    // As this document is asked for, behind whatever path a proxy puts it.
    servers: [{ url: '.' }],
    tags: Object.entries(GROUPS).flatMap(([name, description]) =>
      used.has(name as Said['group']) ? [{ name, description }] : [],
    ),
    paths,
    components: { schemas: schemas.named, parameters: PARAMETERS, headers: HEADERS, securitySchemes: SCHEMES },
  }
}

function operationOf(route: Route, schemas: Schemas, { isOpen }: Setup): Operation {
  const { method, path, access, said } = route
  const roles = ROLES[access]
  const token = roles ? [{ token: roles }] : access === 'signed' ? [{ pusher: [] }] : []
  const parameters = parametersOf(route, schemas)
  const body = bodyOf(route, schemas)
  return {
    operationId: idOf(method, path),
    tags: [said.group],
    summary: said.does,
    description: [said.more, WHO[access]].filter(Boolean).join('\n\n'),
    security: isOpen && roles ? [{}, ...token] : token,
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: body }),
    responses: responsesOf(route, schemas),
  }
}

/** `GET /users/:id/viewers` is `getUsersByIdViewers`. */
const idOf = (method: string, path: string): string =>
  method.toLowerCase() +
  (path === '/' ? '/root' : path)
    .replace(/:(\w)/g, (_, first: string) => `By${first.toUpperCase()}`)
    .replace(/[^A-Za-z0-9]+(\w?)/g, (_, first: string) => first.toUpperCase())

function parametersOf(route: Route, schemas: Schemas): Parameter[] {
  const { path, said } = route
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]): Parameter => {
    const { description, ...schema } = schemas.of(said.params?.[name!] ?? param, 'in')
    return { name: name!, in: 'path', required: true, ...(description && { description }), schema }
  })
  const { properties = {}, required = [] } = said.query ? schemas.of(said.query, 'in') : {}
  const inQuery = Object.entries(properties).map(([name, { description, ...schema }]): Parameter => {
    return { name, in: 'query', required: required.includes(name), ...(description && { description }), schema }
  })
  const after = { $ref: '#/components/parameters/After' } as Parameter
  return [...inPath, ...inQuery, ...(mayWait(route) ? [after] : [])]
}

function bodyOf({ said: { body, isForm }, bodyLimit }: Route, schemas: Schemas): Operation['requestBody'] {
  if (!body) return undefined
  const description = `At most ${number(bodyLimit)} bytes.`
  if (isText(body))
    return { description: `${body.is} ${description}`, required: true, content: contentOf(body, schemas, 'in') }
  const content = contentOf(body, schemas, 'in')
  const required = !body.safeParse(undefined).success
  return { description, required, content: { ...content, ...(isForm && { [FORM_TYPE]: content[JSON_TYPE]! }) } }
}

function responsesOf(route: Route, schemas: Schemas): Operation['responses'] {
  const refusals = refusalsOf(route)
  const { answers } = route.said
  const statuses = [...new Set([...Object.keys(answers).map(Number), ...refusals.keys()])].sort((a, b) => a - b)
  const always = { 'rollcall-time': { $ref: '#/components/headers/Time' } }
  return Object.fromEntries(
    statuses.map(status => {
      const answer = answers[status]
      const codes = refusals.get(status) ?? []
      const all = [
        ...(answer ? [contentOf(answer, schemas, 'out')] : []),
        ...(codes.length > 0 ? [{ [JSON_TYPE]: { schema: refusedWith(codes, schemas) } }] : []),
      ]
      const content = all.length === 2 ? either(all[0]!, all[1]!) : all[0]!
      const headers = {
        ...always,
        ...(status === 202 && { 'rollcall-position': { $ref: '#/components/headers/Position' } }),
        ...([429, 503].includes(status) && { 'retry-after': { $ref: '#/components/headers/RetryAfter' } }),
      }
      const refused = codes.map(code => `\`${code}\``).join(', ')
      const described = answer && isText(answer) ? answer.is : answer ? 'As asked for.' : ''
      const isBare = Object.keys(content).length === 0
      return [
        String(status),
        { description: [described, refused].filter(Boolean).join(' '), headers, ...(!isBare && { content }) },
      ]
    }),
  )
}

const isText = (answer: z.ZodType | Text): answer is Text => 'is' in answer

const refusedWith = (codes: ErrorCode[], schemas: Schemas): Schema => ({
  allOf: [schemas.of(refusal, 'out'), { properties: { code: { enum: codes } } }],
})

/** A text of no type is none. */
function contentOf(answer: z.ZodType | Text, schemas: Schemas, way: 'in' | 'out'): Content {
  if (!isText(answer)) return { [JSON_TYPE]: { schema: schemas.of(answer, way) } }
  return answer.type === '' ? {} : { [answer.type]: { schema: answer.type === JSON_TYPE ? {} : { type: 'string' } } }
}

function either(one: Content, other: Content): Content {
  const [{ schema: a } = {}, { schema: b } = {}] = [one[JSON_TYPE], other[JSON_TYPE]]
  return a && b ? { [JSON_TYPE]: { schema: { anyOf: [a, b] } } } : { ...one, ...other }
}

const PARAMETERS = {
  After: {
    ...{ name: 'Rollcall-After', in: 'header', required: false },
    description:
      'Positions of writes, as their answers had them: the read waits until they are readable, 20 s at most.',
    schema: { type: 'string', pattern: '^\\d{1,5}-\\d{1,15}(,\\d{1,5}-\\d{1,15})*$', examples: ['7-1234,9-88'] },
  },
}

const HEADERS = {
  Time: {
    ...{ description: "The server's clock, in ms since the epoch; clients correct theirs by it.", required: true },
    schema: { type: 'integer' },
  },
  Position: {
    ...{ description: 'Where the log has it; given back as `Rollcall-After`.', required: true },
    schema: { type: 'string', examples: ['7-1234,9-88'] },
  },
  RetryAfter: { description: 'In so many seconds it may be tried again.', schema: { type: 'integer', minimum: 1 } },
}

const SCHEMES = {
  token: {
    ...{ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    description:
      'HS256, HS384, HS512, or RS, PS, ES and EdDSA keys. `sub` names the user; `scope` has `guest`, `service` or `operator`.',
  },
  pusher: { type: 'apiKey', in: 'header', name: 'X-Pusher-Signature', description: 'HMAC-SHA256 of the body.' },
}
