import { z } from 'zod'
import { TRACEPARENT } from '../../observe/traces.ts'
import { fault, refusal, session as shown } from '../answers.ts'
import { heartbeat, id, many, preset, rating, sessionGoals, sessionStart, webEvent } from '../inputs.ts'

/** The version of the messages, not of the program. */
const VERSION = '1.0.0'

/** Answers over NATS where a message was taken. */
const accepted = z.object({
  accepted: z.number().int(),
  position: z.string().optional(),
  faults: z.array(fault).optional(),
})
const session = z.object({ status: z.number().int(), session: shown })

const ofSession = <S extends z.ZodObject>(schema: S) => schema.extend({ sessionId: id })

interface Input {
  subject: string
  parameter?: string
  summary: string
  payload: z.ZodType
  reply: z.ZodType
}

/** All subjects Rollcall takes messages on. */
const INPUTS: Record<string, Input> = {
  heartbeats: {
    ...{ subject: 'heartbeats.{userId}', parameter: 'userId', summary: 'A viewer is there.' },
    ...{ payload: many(heartbeat), reply: accepted },
  },
  events: {
    ...{ subject: 'events.{sessionId}', parameter: 'sessionId', summary: 'A visitor did something.' },
    ...{ payload: many(webEvent), reply: accepted },
  },
  sessionRequest: {
    ...{ subject: 'sessions.request.{userId}', parameter: 'userId', summary: 'A streamer goes online.' },
    ...{ payload: sessionStart, reply: session },
  },
  sessionStarted: {
    ...{ subject: 'session.started', summary: 'A service says that a streamer goes online.' },
    ...{ payload: sessionStart, reply: session },
  },
  sessionStartedOfUser: {
    ...{ subject: 'session.started.{userId}', parameter: 'userId', summary: 'A streamer goes online.' },
    ...{ payload: sessionStart, reply: session },
  },
  sessionPreset: change('preset', "A session's preset changes.", ofSession(preset)),
  sessionRatings: change('ratings', 'A session is rated.', ofSession(rating)),
  sessionGoals: change('goals', 'A session has other goals.', ofSession(sessionGoals)),
  sessionEnd: change('end', 'A session ends.', z.object({ sessionId: id })),
}

/** All subjects Rollcall tells of things on. */
export const OUTPUTS = {
  'rollcall.session.started': 'A session started, or was asked for again.',
  'rollcall.session.ended': 'A session ended.',
  'rollcall.rating.updated': "A session's rating changed.",
  'rollcall.feed.updated': 'A feed was generated.',
  'rollcall.statistics': 'Five minutes are over, or late heartbeats changed what was told of them.',
  'rollcall.web-session.closed': 'A web session is over.',
  'rollcall.web-session.updated': 'A web session that is not over changed, where ROLLCALL_TELL_UPDATES is true.',
  'rollcall.web-session.corrected': 'A web session that was over changed by a late event.',
} as const

function change(verb: string, summary: string, payload: z.ZodType): Input {
  return { subject: `sessions.${verb}.{streamerId}`, parameter: 'streamerId', summary, payload, reply: session }
}

const jsonSchema = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'any' })
const ref = (path: string) => ({ $ref: `#/${path}` })

/** The subjects in and out over NATS, as an AsyncAPI 3 document. */
export function asyncApi(): object {
  const channels: Record<string, object> = {}
  const operations: Record<string, object> = {}
  for (const [name, { subject, parameter, summary, payload, reply }] of Object.entries(INPUTS)) {
    const token =
      'an id; `~` and its base64url where it has other characters than A-Z, a-z, 0-9, _ and -; `_` of services'
    const headers = { type: 'object', properties: { [TRACEPARENT]: { type: 'string' } } }
    const message = { contentType: 'application/json', headers, payload: jsonSchema(payload) }
    const answer = { contentType: 'application/json', payload: jsonSchema(z.union([reply, refusal])) }
    const parameters = parameter && { parameters: { [parameter]: { description: token } } }
    channels[name] = { address: subject, ...parameters, messages: { message } }
    channels[`${name}Reply`] = { address: null, messages: { answer } }
    operations[name] = {
      ...{ action: 'receive', summary, channel: ref(`channels/${name}`) },
      messages: [ref(`channels/${name}/messages/message`)],
      reply: {
        ...{ address: { location: '$message.header#/replyTo' }, channel: ref(`channels/${name}Reply`) },
        messages: [ref(`channels/${name}Reply/messages/answer`)],
      },
    }
  }
  const headers = {
    type: 'object',
    properties: Object.fromEntries(
      [...['ce-specversion', 'ce-id', 'ce-type', 'ce-source', 'ce-time'], TRACEPARENT].map(name => [
        name,
        { type: 'string' },
      ]),
    ),
  }
  for (const [subject, summary] of Object.entries(OUTPUTS)) {
    const name = subject.replaceAll('.', '_')
    const message = { contentType: 'application/json', headers, payload: { type: 'object' } }
    channels[name] = { address: subject, messages: { message } }
    operations[name] = {
      ...{ action: 'send', summary, channel: ref(`channels/${name}`) },
      messages: [ref(`channels/${name}/messages/message`)],
    }
  }
  const info = {
    title: 'Rollcall',
    version: VERSION,
    description: 'Who is live, who is watching, and what every visit was.',
  }
  return { asyncapi: '3.0.0', info, channels, operations }
}
