import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { RollcallError } from '../errors.ts'
import { LEAST_BYTES } from '../nats/index.ts'
import { isInbox } from '../nats/subjects.ts'
import type { Faults } from '../observe/index.ts'
import { atMost, type Time } from '../time.ts'
import { partsOf } from './answer-parts.ts'
import type { Owner } from './index.ts'
import { ALL_SUBJECTS, put } from './questions.ts'

/** The headers of a message take no more of its room. */
const HEADER_BYTES = 1_024
const LAST_ANSWERS_MS = 300

/** Answers other processes in the name of the owner, until it is closed. `faults` hears what they are not told. */
export function answering(
  nats: NatsConnection,
  owner: Owner,
  { time, faults }: { time: Time; faults: Faults },
): { close(): Promise<void> } {
  let room = LEAST_BYTES
  const failed = (error: unknown): void => faults.report('answer of the owner', error)
  const answer = async (message: Msg): Promise<void> => {
    const answered = await put(owner, message.subject, message.string()).then(
      value => ({ value }),
      (error: unknown) => {
        if (error instanceof RollcallError) return { error }
        failed(error)
        return { error: new RollcallError('RC_INTERNAL') }
      },
    )
    // The client does not know what a message may hold while it has no connection.
    room = nats.info?.max_payload ?? room
    const parts = partsOf(answered, room - HEADER_BYTES, time.id())
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
      // Without a server it is never done; those who asked ask again.
      await atMost(time, LAST_ANSWERS_MS, subscription.drain())
    },
  }
}
