import { z } from 'zod'

export interface Schema {
  $ref?: string
  type?: string | string[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  allOf?: Schema[]
  enum?: unknown[]
  description?: string
  examples?: unknown[]
  additionalProperties?: Schema | boolean
  [keyword: string]: unknown
}

type Way = 'in' | 'out'

/** Schemas of JSON, from those that validate; those with a name are gathered, and named where they are meant. */
export class Schemas {
  readonly named: Record<string, Schema> = {}

  /** The schema of an input as it is sent, or of an answer as it comes, without a word of fields that there are not. */
  of(schema: z.ZodType, way: Way): Schema {
    const { $defs, ...own } = z.toJSONSchema(schema, {
      ...{ io: 'input', unrepresentable: 'any' },
      override: made => finish(made as Made, way),
    }) as Schema & { $defs?: Record<string, Schema> }
    delete own.$schema
    Object.assign(this.named, moved($defs ?? {}))
    return moved(own)
  }
}

interface Made {
  zodSchema: z.core.$ZodType
  jsonSchema: Schema
}

function finish({ zodSchema, jsonSchema }: Made, way: Way): void {
  // Examples, and what counts without the field, would be left out of schemas by which something else is made of it.
  const { examples, default: usual } = (z.globalRegistry.get(zodSchema) ?? {}) as Schema
  Object.assign(jsonSchema, examples && { examples }, usual !== undefined && { default: usual })
  if (jsonSchema.type !== 'integer') return
  // Numbers of queries are parsed from text, and described as numbers.
  delete jsonSchema.pattern
  if (way === 'out' && jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  if (way === 'out' && jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
}

const moved = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'))
