import type { MessagePort } from 'node:worker_threads'
import { type Endpoint, expose, type TransferHandler, transferHandlers } from 'comlink'
import { ERRORS, type ErrorCode, RollcallError } from '../errors.ts'

interface Thrown {
  value: unknown
}

interface ThrownOnTheWire {
  isError?: boolean
  code?: ErrorCode | undefined
  value: { message: string; name: string; stack?: string }
}

// comlink carries an error's name, message and stack; ours have a code too.
const plain = transferHandlers.get('throw') as TransferHandler<Thrown, ThrownOnTheWire>
transferHandlers.set('throw', {
  canHandle: plain.canHandle,
  serialize(thrown) {
    const [wire, transfer] = plain.serialize(thrown)
    const { value } = thrown
    return [value instanceof RollcallError ? { ...wire, code: value.code } : wire, transfer]
  },
  deserialize(wire) {
    if (wire.code !== undefined && wire.code in ERRORS) throw new RollcallError(wire.code, wire.value.message)
    return plain.deserialize(wire)
  },
} satisfies TransferHandler<Thrown, ThrownOnTheWire> as TransferHandler<unknown, unknown>)

/** Node's MessagePort does what comlink asks of an endpoint; only its type says otherwise. */
export const endpoint = (port: MessagePort): Endpoint => port as unknown as Endpoint

export const serve = (control: object, port: MessagePort): void => expose(control, endpoint(port))
