import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../errors.ts'

/** The schemas of answers that both doors give. */

export const fault = z
  .object({
    index: z.number().int().describe('Which record of a list; 0 of anything else.'),
    path: z.string().describe('Where in it; empty: it as a whole.'),
    code: z.string(),
    message: z.string(),
  })
  .meta({ id: 'Fault', description: 'What is wrong with an input, and where.' })

export const refusal = z
  .object({
    code: z.enum(Object.keys(ERRORS) as ErrorCode[]),
    message: z.string(),
    faults: z.array(fault).max(100).optional().describe('Where the input is at fault.'),
  })
  .meta({
    ...{ id: 'Refusal', description: 'Why a request is refused; codes are stable.' },
    examples: [{ code: 'RC_NOT_FOUND', message: ERRORS.RC_NOT_FOUND[1] }],
  })

export const accepted = z
  .object({ accepted: z.number().int().describe('So many were taken.') })
  .meta({ id: 'Accepted', examples: [{ accepted: 1 }] })

const goals = z.array(z.object({ title: z.string(), price: z.number() }))
const preset = z.enum(['preview', 'sd'])

/** As it is made here; documents that another program wrote may lack some of it. */
export const session = z
  .looseObject({
    id: z.string(),
    userId: z.string().describe('The streamer.'),
    title: z.string().nullish(),
    active: z.boolean(),
    tags: z.array(z.string()).optional(),
    pricing: z.object({ preset, price: z.number() }).optional(),
    status: z.object({ preset }).optional(),
    statuses: z
      .object({ created: z.string().optional(), started: z.string().optional(), ended: z.string().optional() })
      .optional()
      .describe('When, as ISO 8601.'),
    rating: z
      .object({
        ...{ current: z.number(), currentCount: z.number().int() },
        ...{ previous: z.number().optional(), previousCount: z.number().int().optional() },
      })
      .optional(),
    showGoalPairs: goals.optional(),
    exclusiveGoalPairs: goals.optional(),
    metadata: z.looseObject({ name: z.string().nullable(), viewerCount: z.number().int() }),
  })
  .meta({
    ...{ id: 'Session', description: "A streamer's session." },
    examples: [
      {
        ...{ id: '6740f1c29b1e8a0012345678', userId: 'sue', title: 'Hello', active: true },
        ...{
          tags: ['country:tw', 'badge:new'],
          pricing: { preset: 'preview', price: 0 },
          status: { preset: 'preview' },
        },
        ...{ statuses: { created: '2026-01-01T20:00:00.000Z' } },
        rating: { current: 0, currentCount: 0, previous: 0, previousCount: 0 },
        ...{ showGoalPairs: [], exclusiveGoalPairs: [], metadata: { name: null, viewerCount: 0 } },
      },
    ],
  })

/** The platform's data: other programs may have written more into their documents. */

export const user = z
  .looseObject({
    id: z.string(),
    username: z.string().nullish(),
    country: z.string().nullish(),
    groups: z.array(z.string()).nullish(),
    tags: z.array(z.string()).nullish().describe('`country:*` in lower case.'),
    profile: z.looseObject({ biography: z.string().nullish() }).nullish(),
  })
  .meta({ id: 'User' })

export const follower = z.looseObject({ userId: z.string(), followerId: z.string() }).meta({ id: 'Follower' })

export const registration = z.object({
  ...{ userId: z.string(), registrationId: z.string(), kind: z.enum(['fid', 'token']) },
})

export const source = z
  .looseObject({
    ...{ userId: z.string(), name: z.string() },
    statuses: z.looseObject({ started: z.union([z.string(), z.number()]).nullish() }).nullish(),
    metadata: z.looseObject({ sessionId: z.string().nullish() }).nullish(),
  })
  .meta({ id: 'Source', description: 'Whence a streamer sends; a session gets the id of one that has started.' })

export const earning = z.looseObject({ id: z.string(), userId: z.string(), amount: z.number() }).meta({ id: 'Earning' })

export const trending = z.object({ userIds: z.array(z.string()).describe('The best first.') })

/** Viewers of a window of five minutes. */
export const statisticsRecord = z.object({
  viewerCount: z.number().int(),
  timestamp: z.number().int().describe('The start of the window.'),
  countByUserGroup: z.record(z.string(), z.number().int()),
  countByViewingCountry: z.record(z.string(), z.number().int()),
})
