/** Readiness: who owns the partitions and what does not go on, as a server answers for it. */
import { z } from 'zod'
import { listOf } from './answer.ts'

const [TEXT, NUMBER] = [z.string().nullable(), z.number().nullable()]

export const READINESS = z.object({
  ready: z.boolean(),
  partitions: z.number(),
  /** a former version does not say */
  owner: z.object({ host: TEXT, pid: NUMBER, version: TEXT, since: NUMBER, lag: NUMBER }).nullable().optional(),
  stopped: listOf(z.object({ partition: z.number(), stopped: z.object({ code: z.string(), message: z.string() }) })),
})
