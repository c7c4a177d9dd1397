/** Batches: one request to Pusher takes no more than 10 events and 10 kB. */
import { RollcallError } from '../errors.ts'
import type { ChannelEvent } from './index.ts'

const MOST_EVENTS = 10
const MOST_BYTES = 10_240

export interface Message {
  channel: string
  name: string
  /** JSON, as the SDK would write it */
  data: string
  /** of the request's body */
  bytes: number
}

/** Why an event was not taken; undefined: it was. */
export type Rejection = RollcallError | undefined
export type Deliver = (batch: readonly Message[]) => Promise<Rejection[]>

const refused = (why: string): RollcallError => new RollcallError('RC_SERVICE_REFUSED', why)

export const written = ({ channel, name, data }: ChannelEvent): Message | RollcallError => {
  if (channel.startsWith('private-encrypted-')) return refused('Nothing is sent on encrypted channels.')
  try {
    const json = JSON.stringify(data)
    if (Buffer.byteLength(json) > MOST_BYTES) return refused('The data of the event is over 10 kB.')
    const message = { channel, name, data: json }
    return { ...message, bytes: Buffer.byteLength(JSON.stringify(message)) }
  } catch {
    return refused('The data of the event is not JSON.')
  }
}

/** Takes from the front what fits into one request, at least one. */
export const takeBatch = <M extends Message>(messages: M[]): M[] => {
  let bytes = '{"batch":[]}'.length - 1
  let count = 0
  for (const message of messages.slice(0, MOST_EVENTS)) {
    bytes += message.bytes + 1
    if (count > 0 && bytes > MOST_BYTES) break
    count += 1
  }
  return messages.splice(0, count)
}
