import { setTimeout as sleep } from 'node:timers/promises'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { RollcallError } from '../errors.ts'
import { isInbox } from '../nats/subjects.ts'
import { partsOf } from './answer-parts.ts'
import type { Owner } from './index.ts'
import { ALL_SUBJECTS, put } from './questions.ts'

/** What the headers of a message take of its room, and more. */
const HEADER_BYTES = 1_024
const LAST_ANSWERS_MS = 300

/** Answers other processes in the name of the owner, until it is closed. `failed` hears what they are not told. */
export function answering(
  nats: NatsConnection,
  owner: Owner,
  failed: (error: unknown) => void,
): { close(): Promise<void> } {
  const answer = async (message: Msg): Promise<void> => {
    const answered = await put(owner, message.subject, message.string()).then(
      value => ({ value }),
      (error: unknown) => {
        if (error instanceof RollcallError) return { error }
        failed(error)
        return { error: new RollcallError('RC_INTERNAL') }
      },
    )
    const parts = partsOf(answered, nats.info!.max_payload - HEADER_BYTES)
    for (const { data, headers } of parts) message.respond(data, { headers })
  }
  // No queue group: an owner that is paused must not be the only one who was asked.
  const subscription = nats.subscribe(ALL_SUBJECTS, {
    callback: (error, message) => {
      if (error) failed(error)
      else if (isInbox(message.reply ?? '')) answer(message).catch(failed)
    },
  })
  return {
    async close() {
      // Without a server it is never done; whoever asked asks again.
      await Promise.race([subscription.drain(), sleep(LAST_ANSWERS_MS, undefined, { ref: false })])
    },
  }
}
