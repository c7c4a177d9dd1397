import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../errors.ts'
import type { Bridge } from './index.ts'

const said = z.object({ code: z.string(), message: z.string() })
/** Readiness: all that comes is taken and goes on; if not, what does not. */
export const readiness = z.object({
  ready: z.boolean(),
  partitions: z.number().int(),
  owner: z
    .object({
      ...{ host: z.string().nullable(), pid: z.number().int().nullable(), version: z.string().nullable() },
      since: z.number().int().nullable().describe('ms since the epoch'),
      lag: z.number().int().nullable().describe('Entries that no commit has yet.'),
    })
    .nullable()
    .describe('The process that owns the partitions, or did last.'),
  stopped: z
    .array(
      z.object({
        ...{ partition: z.number().int(), stopped: said },
        ...{ applied: z.number().int().optional(), replayUntil: z.number().int().optional() },
      }),
    )
    .describe('Partitions that do not go on, or not yet.'),
  writes: z.array(said).optional().describe('Why the log takes nothing.'),
})

type Said = z.infer<typeof said>
export type Readiness = z.infer<typeof readiness>

export function readinessOf({ directory, settings }: Pick<Bridge, 'directory' | 'settings'>): Readiness {
  const stopped = directory.states.flatMap(({ partition, stopped, applied, replayUntil }) =>
    stopped ? [{ partition, stopped: shown(stopped.code), applied, replayUntil }] : [],
  )
  const { failing, holder, lag } = directory
  const owner = holder && { ...holder, lag }
  const writes = failing && [{ code: failing.code, message: failing.message }]
  const ready = stopped.length === 0 && failing === null
  return { ready, partitions: settings.partitions, owner, stopped, ...(writes && { writes }) }
}

/** Anybody may read it: the text of an error may hold more than that. */
function shown(code: string): Said {
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'RC_INTERNAL'
  return { code: known, message: ERRORS[known][1] }
}
