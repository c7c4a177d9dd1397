import type { Receiver } from '../effects/index.ts'
import type { FeedGroup } from '../feeds/groups.ts'
import type { FirebaseSettings } from '../notify/firebase.ts'
import type { Outputs } from '../notify/index.ts'
import type { PusherSettings } from '../notify/pusher.ts'
import { recordedChannels, recordedOutputs, recordedPush } from '../notify/recorded.ts'
import type { Faults } from '../observe/index.ts'
import { atMost } from '../time.ts'
import type { World } from './index.ts'
import { receivers } from './table.ts'

/** Sends that are under way at the end may still take so long. */
const LAST_SENDS_MS = 1_000
/** A server may be away so long when it is first needed. */
const DIAL_MS = 5_000

export interface ReceiverSettings {
  groups: readonly FeedGroup[]
  /** null: what would be sent is recorded */
  pusher: PusherSettings | null
  firebase: FirebaseSettings | null
  natsUrl: string | null
  tellUpdates: boolean
}

export interface Receivers {
  receiverOf(kind: string): Receiver
  /** where updates of documents are told; null: nowhere */
  updates: Outputs | null
  close(): Promise<void>
}

export interface ReceiverOptions extends Pick<World, 'documents' | 'host' | 'append' | 'time'> {
  /** hear of what is lost without harm */
  faults: Faults
}

/** The receivers of one thread, with the services they reach. */
export async function openReceivers(
  { groups, pusher, firebase, natsUrl, tellUpdates }: ReceiverSettings,
  { faults, ...world }: ReceiverOptions,
): Promise<Receivers> {
  const { time } = world
  const channels = pusher
    ? await import('../notify/pusher.ts').then(({ openPusher }) => openPusher({ ...pusher, faults, time }))
    : recordedChannels()
  const push = firebase
    ? await import('../notify/firebase.ts').then(({ openFirebase }) => openFirebase({ ...firebase, time }))
    : recordedPush()
  const connection = natsUrl
    ? await import('../nats/index.ts').then(nats => nats.openConnection({ url: natsUrl }, DIAL_MS))
    : null
  const outputs = connection
    ? await import('../notify/nats-outputs.ts').then(({ natsOutputs }) => natsOutputs(connection.nats, time))
    : recordedOutputs()
  return {
    receiverOf: receivers({ ...world, groups, channels, push, outputs }),
    updates: connection && tellUpdates ? outputs : null,
    async close() {
      const closed = Promise.all([channels.close(), push.close(), connection?.close()])
      await atMost(time, LAST_SENDS_MS, closed)
    },
  }
}
