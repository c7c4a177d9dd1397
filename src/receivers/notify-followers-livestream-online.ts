import type { SaysOf } from '../../actors/kinds.ts'
import type { DocumentStore } from '../documents/index.ts'
import type { Effect, Progress, Receiver } from '../effects/index.ts'
import { isCode, RollcallError } from '../errors.ts'
import { MOST_REGISTRATIONS, type PushMessage, type Registration } from '../notify/index.ts'
import type { World } from './index.ts'

/** News that somebody is live is worth nothing an hour later. */
const EXPIRES_MS = 3_600_000
const FOLLOWERS_AT_ONCE = 500

type Online = SaysOf<'notify_followers_livestream_online'>
type Device = Registration & { _id: string }

/** Devices that are passed over at most; with more of them the rest waits, too. */
const MOST_PASSED_OVER = 5_000

/** Tells every registered device of every follower, and forgets devices nobody will ever reach again. */
export const notifyFollowersLivestreamOnline = (world: World): Receiver<Online, never> => ({
  expiresMs: EXPIRES_MS,
  async perform(effect, progress) {
    const { sessionId, streamerId } = effect.payload
    const session = await world.documents.get('sessions', sessionId)
    if (session?.active === false) return { outcome: 'done', detail: { ...progress.counts, ended: true } }
    const message = await messageOf(effect, world)
    let failure: RollcallError | undefined
    for await (const devices of devicesToTell(streamerId, progress, world)) {
      for (let i = 0; i < devices.length; i += MOST_REGISTRATIONS) {
        const failed = await tell(devices.slice(i, i + MOST_REGISTRATIONS), message, progress, world)
        if (failed && !(failure && failure.retryAfterMs > failed.retryAfterMs)) failure = failed
      }
      if (failure && progress.again.size > MOST_PASSED_OVER) throw failure
    }
    if (failure) throw failure
    const { sent, recorded } = progress.counts
    return { outcome: sent ? 'sent' : recorded ? 'recorded' : 'done', detail: { ...message, ...progress.counts } }
  },
})

async function messageOf({ id, at, payload }: Effect<Online>, { documents }: World): Promise<PushMessage> {
  const { sessionId, streamerId, title } = payload
  const user = await documents.get('users', streamerId)
  return {
    title: `${user?.username ?? streamerId} is live`,
    body: title ?? '',
    data: { effectId: id, type: 'livestream.online', sessionId, streamerId },
    collapseKey: id,
    expiresAt: at + EXPIRES_MS,
  }
}

/** The devices still to be told, some at a time: those passed over before, then those of followers beyond the cursor. */
async function* devicesToTell(streamerId: string, progress: Progress, { documents }: World) {
  const passedOver = [...progress.again]
  for (let i = 0; i < passedOver.length; i += MOST_REGISTRATIONS) {
    const ids = passedOver.slice(i, i + MOST_REGISTRATIONS)
    const devices = await devicesWhere({ _id: { $in: ids } }, documents)
    const there = new Set(devices.map(({ _id }) => _id))
    for (const id of ids) if (!there.has(id)) progress.again.delete(id)
    yield devices
  }
  // Follower documents are named `<user>\n<follower>`.
  for (let from = progress.cursor || `${streamerId}\n`; ; from = progress.cursor) {
    const filter = { _id: { $gt: from, $lt: `${streamerId}\v` } }
    const followers = await documents.find('followers', { filter, sort: { _id: 1 }, limit: FOLLOWERS_AT_ONCE })
    if (followers.length === 0) return
    const userId = { $in: followers.map(({ followerId }) => followerId) }
    const devices = await devicesWhere({ userId }, documents)
    yield devices.filter(({ _id }) => !progress.through.has(_id))
    progress.cursor = followers.at(-1)!._id
    progress.through.clear()
  }
}

/** Devices as Firebase is told them, which refuses one without a value. */
async function devicesWhere(filter: Record<string, unknown>, documents: DocumentStore): Promise<Device[]> {
  const registrations = await documents.find('registrations', { filter })
  return registrations.map(({ _id, kind, value }) => ({
    ...{ _id, kind: kind === 'fid' ? 'fid' : 'token', value: typeof value === 'string' ? value : '' },
  }))
}

/** Tells some devices; answers why a part of them has to be told again, rejects if none could be told at all. */
async function tell(
  devices: Device[],
  message: PushMessage,
  { through, again, counts }: Progress,
  { push, documents }: World,
): Promise<RollcallError | undefined> {
  if (devices.length === 0) return undefined
  const deliveries = await push.send(message, devices)
  const dead: Device[] = []
  let failure: RollcallError | undefined
  for (const [i, delivery] of deliveries.entries()) {
    const device = devices[i]!
    if (delivery instanceof RollcallError && !isCode(delivery, 'RC_SERVICE_REFUSED')) {
      again.add(device._id)
      if (!failure || delivery.retryAfterMs > failure.retryAfterMs) failure = delivery
      continue
    }
    if (delivery === 'dead') dead.push(device)
    const outcome = delivery instanceof RollcallError ? 'refused' : delivery
    counts[outcome] = (counts[outcome] ?? 0) + 1
    again.delete(device._id)
    through.add(device._id)
  }
  if (dead.length > 0) {
    const ids = dead.map(({ _id }) => _id)
    // A device that was registered anew meanwhile has another value, and stays.
    const values = dead.map(({ value }) => value)
    await documents.removeWhere('registrations', { _id: { $in: ids }, value: { $in: values } })
  }
  return failure
}
