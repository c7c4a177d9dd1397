import type { NatsConnection } from '@nats-io/transport-node'
import { RollcallError } from '../errors.ts'
import { Parts } from './answer-parts.ts'
import type { Owner } from './index.ts'
import { type QuestionName, subjectOf } from './questions.ts'

/** An owner that is silent for so long is gone, frozen or cut off. */
const ANSWER_MS = 5_000
const STATES_MS = 2_000
/** So much later than asked for an owner may still say that it was in vain. */
const GRACE_MS = 500

/** The owner as it is asked over NATS; RC_NO_OWNER if nobody answers. */
export function remoteOwner(nats: NatsConnection): Owner {
  const ask = <Name extends QuestionName>(name: Name, args: Parameters<Owner[Name]>, withinMs = ANSWER_MS) =>
    answerTo(nats, subjectOf(name), args, withinMs) as ReturnType<Owner[Name]>
  return {
    settled: (partition, seq, withinMs) => ask('settled', [partition, seq, withinMs], withinMs + GRACE_MS),
    audience: () => ask('audience', []),
    audienceOf: stream => ask('audienceOf', [stream]),
    alive: stream => ask('alive', [stream]),
    actor: (partition, kind, key) => ask('actor', [partition, kind, key]),
    watch: (partition, kind, key, after, withinMs) =>
      ask('watch', [partition, kind, key, after, withinMs], withinMs + ANSWER_MS),
    listed: (query, limit) => ask('listed', [query, limit]),
    population: kind => ask('population', [kind]),
    parked: partition => ask('parked', partition === undefined ? [] : [partition]),
    effects: (query, limit) => ask('effects', [query, limit]),
    states: () => ask('states', [], STATES_MS),
  }
}

async function answerTo(nats: NatsConnection, subject: string, args: unknown[], maxWait: number): Promise<unknown> {
  const parts = new Parts()
  try {
    const messages = await nats.requestMany(subject, JSON.stringify(args), { strategy: 'sentinel', maxWait })
    for await (const message of messages) parts.add(message)
  } catch (cause) {
    throw new RollcallError('RC_NO_OWNER', undefined, { cause })
  }
  return parts.read()
}
