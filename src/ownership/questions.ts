import { z } from 'zod'
import { RollcallError } from '../errors.ts'
import type { Owner } from './index.ts'

const SUBJECT = 'rollcall.owner'
/** Under it all questions are asked, of whoever is there to answer them. */
export const ALL_SUBJECTS = `${SUBJECT}.*`

const text = z.string().max(4_096)
const partition = z.number().int().min(0)

const effectQuery = z.object({
  actor: text.optional(),
  state: text.optional(),
  before: z.object({ at: z.number(), id: text }).optional(),
})

const listQuery = z.object({
  kind: text.optional(),
  state: text.optional(),
  begins: text.optional(),
  after: text.optional(),
})

/** The questions, each with what is asked along. Nothing else of an owner is in reach. */
const QUESTIONS = {
  settled: z.tuple([partition, z.number().int().min(0), z.number().min(0).max(25_000)]),
  audience: z.tuple([]),
  audienceOf: z.tuple([text]),
  alive: z.tuple([text]),
  actor: z.tuple([partition, text, text]),
  watch: z.tuple([partition, text, text, text.nullable(), z.number().min(0).max(10_000)]),
  listed: z.tuple([listQuery, z.number().int().min(1).max(1_001)]),
  population: z.tuple([text]),
  parked: z.union([z.tuple([]), z.tuple([partition])]),
  effects: z.tuple([effectQuery, z.number().int().min(1).max(1_001)]),
  states: z.tuple([]),
} satisfies { [Name in keyof Owner]: z.ZodType<Parameters<Owner[Name]>> }

export type QuestionName = keyof typeof QUESTIONS

export const subjectOf = (name: QuestionName): string => `${SUBJECT}.${name}`

/** Puts the question of a message to the owner. Throws RC_NOT_FOUND or RC_INVALID_INPUT for what is none. */
export async function put(owner: Owner, subject: string, payload: string): Promise<unknown> {
  const name = subject.slice(SUBJECT.length + 1)
  if (!Object.hasOwn(QUESTIONS, name)) throw new RollcallError('RC_NOT_FOUND')
  const asked = QUESTIONS[name as QuestionName].safeParse(parsed(payload))
  if (!asked.success) throw new RollcallError('RC_INVALID_INPUT')
  const ask = owner[name as QuestionName] as (...args: unknown[]) => Promise<unknown>
  return ask.apply(owner, asked.data)
}

function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload)
  } catch {
    throw new RollcallError('RC_INVALID_JSON')
  }
}
