/** The figures of a process at a glance, as a server answers them. */
import { z } from 'zod'
import type { Figures } from '../../bridge/http/front/figures.ts'
import { listOf } from './answer.ts'

const [TEXT, NUMBER] = [z.string().nullable(), z.number().nullable()]
/** ms since the epoch that a date can have */
const AT = z.number().min(0).max(8.64e15)
const NO_LESS = z.number().min(0)

const OWNER = z.object({ host: TEXT, pid: NUMBER, version: TEXT, since: AT.nullable(), lag: NUMBER })

const SESSION = z.object({
  ...{ streamer: z.string(), title: TEXT, preset: z.string(), viewers: NUMBER },
  // another program's document may have what is no number
  ...{ rating: NUMBER, ratings: NUMBER, since: TEXT },
})

const PARTITION = z.object({
  ...{ partition: z.number(), stopped: TEXT, accepted: NUMBER, applied: NUMBER, cut: NUMBER },
  ...{ committedAt: NUMBER, waiting: NUMBER, parked: NUMBER },
})

const WORK = z.object({
  name: z.string(),
  done: NO_LESS,
  total: NO_LESS.nullable(),
  unit: z.string(),
  since: z.number(),
})

/** Figures that are shown; a server of another version may say more, and know of more work. */
const SHOWN = z.object({
  at: AT,
  readiness: z.object({ ready: z.boolean(), owner: OWNER.nullable() }),
  viewers: z.object({ alive: z.number() }).nullable(),
  sessions: z.object({ count: z.number(), shown: listOf(SESSION) }).nullable(),
  ...{ beatsASecond: z.number(), webSessionsAMinute: NUMBER, parked: NUMBER },
  answers: z.object({ aSecond: z.number(), p50Ms: z.number(), p99Ms: z.number() }).nullable(),
  records: listOf(z.object({ timestamp: z.number(), viewerCount: NO_LESS })).nullable(),
  partitions: listOf(PARTITION),
  effects: z.object({ waiting: z.number(), parked: z.number(), oldestMs: NUMBER }).nullable(),
  disk: z
    .object({ freeBytes: z.number(), logBytes: z.number().nullable(), stateBytes: z.number().nullable() })
    .nullable(),
  work: listOf(WORK),
  wrong: listOf(z.object({ code: TEXT, text: z.string(), help: z.string(), command: z.string() })),
})

export const FIGURES = SHOWN as unknown as z.ZodType<Figures>
