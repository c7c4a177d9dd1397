/** Viewers, as a server answers for them. */
import { z } from 'zod'
import { namedOf } from './answer.ts'

const COUNT = z.object({ alive: z.number(), attendance: z.number() })

export const VIEWERS = z.object({
  ...COUNT.shape,
  bySession: namedOf(COUNT),
  withoutSession: z.object({ ...COUNT.shape, streams: z.number() }),
  next: z.string().optional(),
})
export type Viewers = z.infer<typeof VIEWERS>
