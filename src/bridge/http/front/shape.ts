import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../../../errors.ts'
import { WORK_NAMES, type WorkName } from '../../../observe/work.ts'
import { statisticsRecord } from '../../answers.ts'
import { readiness } from '../../readiness.ts'
import type { Figures } from './figures.ts'

/** The figures as the document of the routes describes them; a field is what it is in `figures.ts`. */

const [whole, time] = [z.number().int(), z.number().int().describe('ms since the epoch')]

const answers = z.object({ aSecond: z.number(), p50Ms: z.number(), p99Ms: z.number() })
const session = z.object({
  ...{ id: z.string(), streamer: z.string(), title: z.string().nullable(), preset: z.string() },
  ...{ viewers: whole.nullable(), rating: z.number(), ratings: z.number() },
  since: z.string().nullable().describe('ISO 8601'),
})
const partition = z.object({
  ...{
    partition: whole,
    stopped: z.string().nullable().describe('A code; null: it goes on.'),
    epoch: whole.nullable(),
  },
  accepted: whole.nullable().describe('The last entry of its log.'),
  applied: whole.nullable().describe('The last entry in its state.'),
  cut: whole.nullable().describe('The last entry in its checkpoint.'),
  ...{ committedAt: time.nullable(), waiting: whole.nullable(), parked: whole.nullable() },
})
const work = z.object({
  ...{ name: z.enum(Object.keys(WORK_NAMES) as WorkName[]), unit: z.string(), since: time },
  ...{ done: z.number(), total: z.number().nullable() },
})
const wrong = z.object({
  ...{ code: z.string().nullable(), text: z.string(), help: z.string(), command: z.string() },
  anchor: z.string().describe('Of docs/operating.md.'),
})

export const figuresAnswer = z
  .object({
    ...{ at: time, readiness },
    viewers: z.object({ alive: whole, attendance: whole }).nullable(),
    sessions: z.object({ count: whole, page: whole, pages: whole, shown: z.array(session) }).nullable(),
    beatsASecond: z.number().describe('Taken by this process, in the last minute.'),
    answers: answers.nullable().describe('Of requests that this process answered in the last minute.'),
    webSessionsAMinute: z.number().nullable().describe('Web sessions that began in the last minute.'),
    records: z.array(statisticsRecord).nullable().describe('Of three hours, the five minutes with somebody in them.'),
    partitions: z.array(partition),
    effects: z.object({ waiting: whole, parked: whole, oldestMs: z.number().nullable() }).nullable(),
    parked: whole.nullable().describe('Events.'),
    disk: z
      .object({ freeBytes: z.number(), logBytes: z.number(), stateBytes: z.number() })
      .nullable()
      .describe('null: nothing is kept on a disk of this process, or that is not known.'),
    work: z.array(work).describe('Long work under way.'),
    away: z
      .array(z.object({ server: z.enum(['nats', 'mongodb', 'redis']), since: time }))
      .describe('Servers that give this process no answer.'),
    troubles: z.array(z.enum(Object.keys(ERRORS) as ErrorCode[])).describe('Why figures are not known.'),
    wrong: z.array(wrong).describe('What is wrong, the gravest first, and what helps.'),
  })
  .meta({ description: 'A process at a glance; null: that is not known just now.' }) satisfies z.ZodType<Figures>
