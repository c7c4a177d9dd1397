import { isCode, RollcallError } from '../errors.ts'
import { MOST_REGISTRATIONS, type PushMessage, type Registration } from '../notify/index.ts'
import type { Effect, Progress, Receiver } from '../shard/receiver.ts'
import type { World } from './index.ts'

/** Nobody wants to hear an hour later that somebody was live. */
const EXPIRES_MS = 3_600_000
const FOLLOWERS_AT_ONCE = 500

type Device = Registration & { _id: string }

/** Tells every registered device of every follower, and forgets devices nobody will ever reach again. */
export const notifyFollowersLivestreamOnline = (world: World): Receiver => ({
  expiresMs: EXPIRES_MS,
  async perform(effect, progress) {
    const message = await messageOf(effect, world)
    for await (const devices of devicesOfFollowers(String(effect.payload.streamerId), progress, world)) {
      for (let i = 0; i < devices.length; i += MOST_REGISTRATIONS) {
        await tell(devices.slice(i, i + MOST_REGISTRATIONS), message, progress, world)
      }
    }
    const { sent, recorded } = progress.counts
    return { outcome: sent ? 'sent' : recorded ? 'recorded' : 'done', detail: { ...message, ...progress.counts } }
  },
})

async function messageOf({ id, at, payload }: Effect, { documents }: World): Promise<PushMessage> {
  const { sessionId, streamerId, title } = payload
  const user = await documents.get('users', String(streamerId))
  return {
    title: `${user?.username ?? streamerId} is live`,
    body: String(title ?? ''),
    data: { effectId: id, type: 'livestream.online', sessionId: String(sessionId), streamerId: String(streamerId) },
    collapseKey: id,
    expiresAt: at + EXPIRES_MS,
  }
}

/** The devices still to be told, some followers' at a time; the cursor moves on when all of these are. */
async function* devicesOfFollowers(streamerId: string, progress: Progress, { documents }: World) {
  // Follower documents are named `<user>\n<follower>`.
  for (let from = progress.cursor || `${streamerId}\n`; ; from = progress.cursor) {
    const filter = { _id: { $gt: from, $lt: `${streamerId}\v` } }
    const followers = await documents.find('followers', { filter, sort: { _id: 1 }, limit: FOLLOWERS_AT_ONCE })
    if (followers.length === 0) return
    const userId = { $in: followers.map(({ followerId }) => followerId) }
    const devices = (await documents.find('registrations', { filter: { userId } })) as unknown as Device[]
    yield devices.filter(({ _id }) => !progress.done.has(_id))
    progress.cursor = followers.at(-1)!._id
    progress.done.clear()
  }
}

async function tell(devices: Device[], message: PushMessage, progress: Progress, world: World): Promise<void> {
  if (devices.length === 0) return
  const deliveries = await world.push.send(message, devices)
  const dead: Device[] = []
  let again: RollcallError | undefined
  for (const [i, delivery] of deliveries.entries()) {
    const device = devices[i]!
    if (delivery instanceof RollcallError && !isCode(delivery, 'RC_SERVICE_REFUSED')) {
      if (!again || delivery.retryAfterMs > again.retryAfterMs) again = delivery
      continue
    }
    if (delivery === 'dead') dead.push(device)
    const outcome = delivery instanceof RollcallError ? 'refused' : delivery
    progress.counts[outcome] = (progress.counts[outcome] ?? 0) + 1
    progress.done.add(device._id)
  }
  if (dead.length > 0) {
    const ids = dead.map(({ _id }) => _id)
    // Only as it was when it was told: it may have been registered anew meanwhile.
    const values = dead.map(({ value }) => value)
    await world.documents.removeWhere('registrations', { _id: { $in: ids }, value: { $in: values } })
  }
  if (again) throw again
}
