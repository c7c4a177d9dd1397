import { headers, type NatsConnection } from '@nats-io/transport-node'
import { RollcallError } from '../errors.ts'
import { TRACEPARENT } from '../observe/traces.ts'
import { systemTime, within } from '../time.ts'
import type { Outputs } from './index.ts'

const FLUSHED_WITHIN_MS = 5_000

/** Outputs as NATS messages: JSON, with the headers of CloudEvents 1.0. */
export function natsOutputs(nats: NatsConnection, time = systemTime): Outputs {
  return {
    async publish({ id, type, source, at, data, traceparent }) {
      const attributes = headers()
      attributes.set('content-type', 'application/json')
      attributes.set('ce-specversion', '1.0')
      attributes.set('ce-id', id)
      // A stream that keeps outputs keeps each once.
      attributes.set('Nats-Msg-Id', id)
      attributes.set('ce-type', type)
      attributes.set('ce-source', source)
      attributes.set('ce-time', new Date(at).toISOString())
      if (traceparent) attributes.set(TRACEPARENT, traceparent)
      try {
        nats.publish(type, JSON.stringify(data), { headers: attributes })
        // A pong comes after the server has what was written before the ping.
        await within(time, FLUSHED_WITHIN_MS, nats.flush(), () => new Error('no pong in time'))
      } catch (cause) {
        throw new RollcallError('RC_SERVICE_UNREACHABLE', 'NATS gives no answer.', { cause })
      }
      return 'sent'
    },
  }
}
