import { createHash } from 'node:crypto'
import type { Progress } from '../effects/index.ts'
import { isCode, RollcallError } from '../errors.ts'
import { MOST_REGISTRATIONS, type PushMessage, type Registration } from '../notify/index.ts'
import { step } from '../observe/steps.ts'
import type { World } from './index.ts'

/** A registration; several, of one user or of many, may be of the same device. */
export type Device = Registration & { _id: string }

/** Devices known to be told, at most; those told before so many others may be told again. */
const MOST_THROUGH = 100_000
/** Registrations refused before any device took the message, at most; the others stay. */
const MOST_DOUBTED = 5_000

/** Bytes enough that no two devices share them. */
const nameOf = ({ kind, value }: Registration): string =>
  createHash('sha256').update(`${kind} ${value}`).digest('base64url').slice(0, 16)

/**
 * Tells each device once, of at most 500 registrations, and removes those nobody will ever be reached by. Answers why a
 * part of them has to be told again, rejects if none could be told at all.
 */
export async function tellDevices(
  registrations: Device[],
  message: PushMessage,
  progress: Progress,
  world: Pick<World, 'push' | 'documents' | 'steps'>,
): Promise<RollcallError | undefined> {
  const { through, again, counts } = progress
  const named = Map.groupBy(registrations, nameOf)
  const fresh = [...named].filter(([name]) => !through.has(name))
  const devices = fresh.map(([, [device]]) => device!)
  const deliveries =
    devices.length === 0
      ? []
      : await step(world.steps, 'devices.push', devices, () => world.push.send(message, devices))
  let failure: RollcallError | undefined
  for (const [i, delivery] of deliveries.entries()) {
    const [name, devices] = fresh[i]!
    if (delivery instanceof RollcallError && !isCode(delivery, 'RC_SERVICE_REFUSED')) {
      for (const { _id } of devices) again.add(_id)
      named.delete(name)
      if (!failure || delivery.retryAfterMs > failure.retryAfterMs) failure = delivery
      continue
    }
    const outcome = delivery instanceof RollcallError ? 'refused' : delivery
    counts[outcome] = (counts[outcome] ?? 0) + 1
    through.set(name, outcome)
  }
  await forget(named, progress, world)
  for (const { _id } of [...named.values()].flat()) again.delete(_id)
  for (const name of through.keys()) {
    if (through.size <= MOST_THROUGH) break
    through.delete(name)
  }
  return failure
}

/** Removes registrations of dead devices, and those the message was not fit for, once another device took it. */
async function forget(
  named: ReadonlyMap<string, Device[]>,
  { through, doubted, counts }: Progress,
  { documents, steps }: Pick<World, 'documents' | 'steps'>,
): Promise<void> {
  const dead: Device[] = []
  for (const [name, devices] of named) {
    if (through.get(name) === 'dead') dead.push(...devices)
    if (through.get(name) !== 'unfit') continue
    for (const device of devices) if (doubted.size < MOST_DOUBTED) doubted.set(device._id, device)
  }
  if (counts.sent) dead.push(...(doubted.values() as Iterable<Device>))
  for (const [kind, devices] of Map.groupBy(dead, ({ kind }) => kind)) {
    for (let i = 0; i < devices.length; i += MOST_REGISTRATIONS) {
      const some = devices.slice(i, i + MOST_REGISTRATIONS)
      // A device that was registered anew meanwhile has another value, and stays.
      const values = some.map(({ value }) => value)
      const named = { _id: { $in: some.map(({ _id }) => _id) }, kind: kind === 'fid' ? 'fid' : { $ne: 'fid' } }
      const same = { ...named, value: { $in: values } }
      await step(steps, 'devices.remove', same, () => documents.removeWhere('registrations', same))
    }
  }
  if (counts.sent) doubted.clear()
}
