import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Operation } from '../../src/bridge/http/reference/document.ts'
import type { Schema } from '../../src/bridge/http/reference/schemas.ts'
import { described } from './described.ts'

const { document, hidden } = await described()

/** A path with parameters as it is asked for. */
const matcher = (path: string): RegExp =>
  new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/:\w+|\{\w+\}/g, '[^/]+')}$`)

const SHOWN = Object.entries(document.paths).map(([path, methods]): [RegExp, Record<string, Operation>] => [
  matcher(path),
  methods,
])
const HIDDEN = hidden.map(({ path }) => matcher(path))

/** The schema, by which an object has no field but those that are named. */
function exact(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(exact)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([name, each]) => [name, exact(each)]))
  const isObject = 'properties' in inner && 'type' in inner && !('additionalProperties' in inner)
  return isObject ? { ...inner, additionalProperties: false } : inner
}

const ajv = new Ajv2020({
  strict: false,
  validateFormats: false,
  schemas: [{ ...document, $id: 'rollcall', ...named() }],
})
const validators = new Map<Schema, ValidateFunction>()

function named(): object {
  return { components: { ...document.components, schemas: exact(document.components.schemas) } }
}

function validatorOf(schema: Schema): ValidateFunction {
  const known = validators.get(schema)
  if (known) return known
  const whole = JSON.parse(JSON.stringify(exact(schema)).replaceAll('"#/', '"rollcall#/'))
  const made = ajv.compile(whole)
  validators.set(schema, made)
  return made
}

/** Why an answer is not as the document says; null: it is. Who asks for what is not listed is refused. */
export function unlike(method: string, url: string, status: number, type: string | null, body: unknown): string | null {
  const path = url.replace(/[?#].*/s, '')
  const [, methods] = SHOWN.find(([pattern]) => pattern.test(path)) ?? []
  const operation = methods?.[method.toLowerCase()]
  const answer = `${method} ${path}: ${status}`
  if (!operation) return status >= 400 || HIDDEN.some(pattern => pattern.test(path)) ? null : `${answer} of no route`
  const { content = {} } = operation.responses[status] ?? {}
  const [media = ''] = (type ?? '').split(';')
  const schema = content[media]?.schema
  if (!schema) return `${answer} as ${media} is in no document`
  if (media !== 'application/json') return null
  const validate = validatorOf(schema)
  return validate(body) ? null : `${answer}: ${ajv.errorsText(validate.errors)}`
}
