import { escaped } from '../../escaped.ts'
import type { Schema } from './schemas.ts'

/** Schemas as a reader wants them: fields under fields, each with its kind and its limits in words. */

const NAMED = '#/components/schemas/'

/** With the code in it. */
export const prose = (text: string): string => escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>')

const nameOf = ($ref: string): string => $ref.slice(NAMED.length)

/** The kind of a value, in a few words, with what holds for it. */
export function kindOf(schema: Schema): string {
  const { $ref, anyOf, enum: values, type, items } = schema
  if ($ref) return `<a href="#${escaped(nameOf($ref))}">${escaped(nameOf($ref))}</a>`
  if (values) return values.map(value => `<code>${escaped(String(value))}</code>`).join(', ')
  if ('const' in schema) return `<code>${escaped(String(schema.const))}</code>`
  if (anyOf) return [...new Set(anyOf.map(kindOf))].join(' or ')
  if (items) return `list of ${kindOf(items)}${limitsOf(schema)}`
  if (schema.propertyNames) return `object from names to ${kindOf(schema.additionalProperties as Schema)}`
  return `${escaped([type ?? 'anything'].flat().join(' or '))}${limitsOf(schema)}`
}

/** Bounds of a length, a count or a value; a pattern where no words say what it is. */
function limitsOf(schema: Schema): string {
  const { pattern, description, default: usual } = schema
  const limits = [
    ...between(schema.minLength, schema.maxLength, ' characters'),
    ...between(schema.minItems, schema.maxItems, ' items'),
    ...between(schema.minimum, schema.maximum, ''),
    ...(typeof pattern === 'string' && !description ? [`like <code>${escaped(pattern)}</code>`] : []),
    ...(usual === undefined ? [] : [`<code>${escaped(JSON.stringify(usual))}</code> unless told`]),
  ]
  return limits.length === 0 ? '' : ` <small>${limits.join(', ')}</small>`
}

function between(least: unknown, most: unknown, of: string): string[] {
  const isBound = most !== undefined && most !== Number.MAX_SAFE_INTEGER
  if (least !== undefined && isBound) return [`${least} to ${most}${of}`]
  return isBound ? [`at most ${most}${of}`] : least === undefined ? [] : [`at least ${least}${of}`]
}

/** The fields of an object, of whichever there may be, or of the objects of a list. */
export function fieldsOf(schema: Schema): string {
  const { properties, required = [], anyOf, items } = schema
  if (items) return fieldsOf(items)
  // A record, or a list of them, has the same fields.
  if (anyOf) return [...new Set(anyOf.map(fieldsOf))].join('')
  if (!properties) return ''
  const rows = Object.entries(properties).map(([name, field]) => {
    const said = field.description ? ` ${prose(field.description)}` : ''
    return `<li><code>${escaped(name)}${required.includes(name) ? '' : '?'}</code> ${kindOf(field)}.${said}${fieldsOf(field)}</li>`
  })
  return `<ul>${rows.join('')}</ul>`
}

/** An example of a schema, or of one that it names. */
export function exampleOf(schema: Schema, named: Record<string, Schema>): unknown {
  const { $ref, examples, anyOf = [] } = schema
  if ($ref) return exampleOf(named[nameOf($ref)] ?? {}, named)
  return examples?.[0] ?? anyOf.map(each => exampleOf(each, named)).find(each => each !== undefined)
}
