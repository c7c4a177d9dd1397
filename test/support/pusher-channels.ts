/** Channels through the SDK of Pusher against the fake of it, and what a test asks of them. */
import { setImmediate } from 'node:timers/promises'
import { expect } from 'vitest'
import type { RollcallError } from '../../src/errors.ts'
import type { ChannelEvent, Channels } from '../../src/notify/index.ts'
import { openPusher, type PusherSettings } from '../../src/notify/pusher.ts'
import { systemTime, type Time } from '../../src/time.ts'
import { type FakePusher, startFakePusher } from './fake-pusher.ts'
import { toldFaults } from './time.ts'

export interface PusherChannels {
  fake: FakePusher
  channels: Channels
  faults: ReturnType<typeof toldFaults>
  /** More of them, with some settings of their own. */
  open(settings?: Partial<PusherSettings>): Promise<Channels>
  /** Lets turns of the event loop pass until it is so, or all is closed. */
  until(isSo: () => boolean): Promise<void>
  /** How each of events that are sent at once ended: `sent`, or the code of its error. */
  outcomes(given: ChannelEvent[]): Promise<unknown[]>
  close(): Promise<void>
}

export async function openPusherChannels(time: Time = systemTime): Promise<PusherChannels> {
  const fake = await startFakePusher()
  const faults = toldFaults()
  const open = (settings: Partial<PusherSettings> = {}): Promise<Channels> =>
    openPusher({ ...fake.settings, ...settings, time, faults })
  const channels = await open()
  let isOver = false
  return {
    ...{ fake, channels, faults, open },
    async until(isSo) {
      while (!isOver && !isSo()) await setImmediate()
    },
    outcomes: given => Promise.all(given.map(each => outcome(channels.send(each)))),
    async close() {
      isOver = true
      await fake.close()
      await channels.close()
    },
  }
}

export const event = (n: number, data: Record<string, unknown> = {}, channel = `room-${n}`): ChannelEvent => ({
  channel,
  name: `event-${n}`,
  data: { n, ...data },
})

export const events = (count: number): ChannelEvent[] => Array.from({ length: count }, (_, n) => event(n))

/** How a call ended: `sent`, or the code of its error. */
export const outcome = (sending: Promise<unknown>): Promise<unknown> =>
  sending.catch((error: RollcallError) => error.code)

export const errorOf = (sending: Promise<unknown>): Promise<RollcallError> =>
  sending.then(
    () => expect.unreachable('an event was taken'),
    error => error,
  )
