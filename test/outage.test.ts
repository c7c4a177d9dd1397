import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openFirebase } from '../src/notify/firebase.ts'
import { openPusher } from '../src/notify/pusher.ts'
import { receivers } from '../src/receivers/table.ts'
import { startFakeFirebase } from './support/fake-firebase.ts'
import { startFakePusher } from './support/fake-pusher.ts'
import { NOON } from './support/one-partition.ts'
import { toldFaults } from './support/time.ts'
import { virtualPerformer } from './support/virtual-performer.ts'
import { effect, world } from './support/world.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** Pusher and Firebase, through their own clients, away until an hour has passed in the time of the performer. */
async function awayForAnHour() {
  const [pusher, firebase] = await Promise.all([startFakePusher(), startFakeFirebase()])
  const channels = await openPusher({ ...pusher.settings, faults: toldFaults() })
  const push = await openFirebase(firebase.settings)
  onTestFinished(async () => {
    await Promise.all([channels.close(), push.close()])
    await Promise.all([pusher.close(), firebase.close()])
  })
  const made = world({ channels, push })
  await made.put('followers', 'sam\nfan', { userId: 'sam', followerId: 'fan' })
  await made.put('registrations', 'fan\nphone', { userId: 'fan', kind: 'fid', value: 'phone' })
  const receiverOf = receivers(made.world)
  const performer = virtualPerformer(receiverOf)
  pusher.fail(() => (performer.elapsed() < HOUR ? 0 : 200))
  firebase.answer(() => (performer.elapsed() < HOUR ? 'hang up' : null))
  firebase.answerToken(() => (performer.elapsed() < HOUR ? 'hang up' : null))
  performer.made.open()
  const settled = (count: number) =>
    vi.waitFor(() => expect(performer.accounts).toHaveLength(count), { timeout: 50_000, interval: 20 })
  return { ...performer, settled, pusher, firebase }
}

const online = (n: number, at: number) => ({
  ...effect('notify_viewers_livestream_online', { preset: 'sd' }, at),
  ...{ id: `viewers-${n}`, actor: `streamer-session/${n}` },
})
const followers = (n: number, at: number) => ({
  ...effect('notify_followers_livestream_online', { title: null }, at),
  ...{ id: `followers-${n}`, actor: `streamer-session/${n}` },
})

describe('after an hour in which neither Pusher nor Firebase is there', () => {
  test('all that is still worth telling is told, the rest has expired, and nothing is parked', {
    timeout: 60_000,
  }, async () => {
    const { add, settled, accounts, told, outbox, pusher, firebase } = await awayForAnHour()
    add(online(1, NOON), online(2, NOON + HOUR), followers(1, NOON - 1), followers(2, NOON + HOUR))
    await settled(4)
    const states = Object.fromEntries(accounts.map(({ id, state }) => [id, state]))
    expect(states).toEqual({
      ...{ 'viewers-1': 'expired', 'viewers-2': 'sent', 'followers-1': 'expired', 'followers-2': 'sent' },
    })
    expect([told, outbox.size]).toEqual([[], 0])
    expect(pusher.events.map(({ data }) => data.id)).toEqual(['viewers-2'])
    expect(firebase.messages.map(({ data }) => data.effectId)).toEqual(['followers-2'])
  })
})
