import { headers, type NatsConnection } from '@nats-io/transport-node'
import { RollcallError } from '../errors.ts'
import type { Outputs } from './index.ts'

const FLUSHED_WITHIN_MS = 5_000

/** Outputs as NATS messages: JSON, with the headers of CloudEvents 1.0. */
export function natsOutputs(nats: NatsConnection): Outputs {
  return {
    async publish({ id, type, source, at, data }) {
      const attributes = headers()
      attributes.set('content-type', 'application/json')
      attributes.set('ce-specversion', '1.0')
      attributes.set('ce-id', id)
      // A stream that keeps outputs keeps each once.
      attributes.set('Nats-Msg-Id', id)
      attributes.set('ce-type', type)
      attributes.set('ce-source', source)
      attributes.set('ce-time', new Date(at).toISOString())
      try {
        nats.publish(type, JSON.stringify(data), { headers: attributes })
        // A pong comes after the server has what was written before the ping.
        await within(FLUSHED_WITHIN_MS, nats.flush())
      } catch (cause) {
        throw new RollcallError('RC_SERVICE_UNREACHABLE', 'NATS gives no answer.', { cause })
      }
      return 'sent'
    },
  }
}

function within(ms: number, work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('no pong in time')), ms)
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
}
