/** An actor, its past and what it goes on to do, as a server tells of them. */
import { z } from 'zod'
import { RollcallError } from '../../errors.ts'
import { listOf, parsed, problemOf, shaped } from './answer.ts'
import { moment } from './table.ts'

const FRAME = z.object({
  ...{ at: z.number(), seq: z.number(), value: z.unknown(), event: z.object({ type: z.string() }) },
  pulse: z.boolean().optional(),
})
type Frame = z.infer<typeof FRAME>

const LOST = z.object({ frames: z.number().nullable() })

export const VIEW = z.object({
  ...{ value: z.unknown(), partition: z.number(), seq: z.number() },
  snapshot: z.object({ context: z.record(z.string(), z.unknown()) }),
})

export const PAST = z.object({ reason: z.string().nullable(), steps: listOf(FRAME) })

type Told =
  | { event: 'frame'; data: Frame }
  | { event: 'lost'; data: z.infer<typeof LOST> }
  | { event: 'other'; data: unknown }

/** A message of the stream of an actor. Throws the error that it may tell. */
export function toldIn({ event, data: text }: { event: string; data: string }, url: string): Told {
  const data = parsed(text)
  if (event === 'error') {
    const { code = 'RC_UNREACHABLE', message } = problemOf(data)
    throw new RollcallError(code, message)
  }
  if (event === 'frame') return { event, data: shaped(FRAME, data, url) }
  if (event === 'lost') return { event, data: shaped(LOST, data, url) }
  return { event: 'other', data: data ?? null }
}

export const HEAD = ['AT', 'ENTRY', 'STATE', 'EVENT']

export function row({ at, seq, value, event, pulse }: Frame): string[] {
  const state = typeof value === 'string' ? value : JSON.stringify(value)
  return [moment(at), String(seq), state, `${event.type}${pulse ? ' (pulse)' : ''}`]
}
