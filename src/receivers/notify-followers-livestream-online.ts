import type { SaysOf } from '../../actors/kinds.ts'
import type { DocumentStore } from '../documents/index.ts'
import type { Effect, Progress, Receiver } from '../effects/index.ts'
import type { RollcallError } from '../errors.ts'
import { MOST_REGISTRATIONS, type PushMessage } from '../notify/index.ts'
import type { World } from './index.ts'
import { type Device, tellDevices } from './tell-devices.ts'

/** News that somebody is live is worth nothing an hour later. */
const EXPIRES_MS = 3_600_000
const FOLLOWERS_AT_ONCE = 500

type Online = SaysOf<'notify_followers_livestream_online'>

/** Devices that are passed over at most; with more of them the rest waits, too. */
const MOST_PASSED_OVER = 5_000

/** Tells every registered device of every follower once, and forgets devices nobody will ever reach again. */
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
        const failed = await tellDevices(devices.slice(i, i + MOST_REGISTRATIONS), message, progress, world)
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
  const name = typeof user?.username === 'string' && user.username !== '' ? user.username : streamerId
  return {
    title: `${name} is live`,
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
    yield devices
    progress.cursor = followers.at(-1)!._id
  }
}

/** Devices as Firebase is told them, which refuses one without a value. */
async function devicesWhere(filter: Record<string, unknown>, documents: DocumentStore): Promise<Device[]> {
  const registrations = await documents.find('registrations', { filter })
  return registrations.map(({ _id, kind, value }) => ({
    ...{ _id, kind: kind === 'fid' ? 'fid' : 'token', value: typeof value === 'string' ? value : '' },
  }))
}
