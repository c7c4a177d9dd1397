import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openFirebase } from '../src/notify/firebase.ts'
import type { Push } from '../src/notify/index.ts'
import { receivers } from '../src/receivers/table.ts'
import { type FakeFirebase, failure, startFakeFirebase } from './support/fake-firebase.ts'
import { virtualPerformer } from './support/virtual-performer.ts'
import { effect, world } from './support/world.ts'

const KIND = 'notify_followers_livestream_online'
/** Of an effect that is tried ten times. */
const SCHEDULE_MS = 130_000

let fake: FakeFirebase

/** A streamer with followers, each with a device, that Firebase's own client tells through the fake. */
async function streamer(followers: number, dead: (n: number) => boolean = () => false) {
  fake = await startFakeFirebase()
  const push: Push = await openFirebase(fake.settings)
  onTestFinished(async () => {
    await push.close()
    await fake.close()
  })
  const made = world({ push })
  const numbers = Array.from({ length: followers }, (_, n) => n)
  const deviceOf = (n: number) => `device-${n}`
  await made.documents.upsertMany(
    'followers',
    numbers.map(n => ({ id: `sam\nfan-${n}`, seq: 1, set: { userId: 'sam', followerId: `fan-${n}` } })),
  )
  await made.documents.upsertMany(
    'registrations',
    numbers.map(n => ({
      id: `fan-${n}\nphone`,
      seq: 1,
      set: { userId: `fan-${n}`, kind: n % 2 ? 'fid' : 'token', value: deviceOf(n) },
    })),
  )
  for (const n of numbers) if (dead(n)) fake.dead.add(deviceOf(n))
  const living = numbers.filter(n => !dead(n)).map(deviceOf)
  const performer = virtualPerformer(receivers(made.world))
  performer.made.open()
  const told = () => fake.messages.map(({ fid, token }) => fid ?? token!)
  const isSettled = () => vi.waitFor(() => expect(performer.accounts).toHaveLength(1), { timeout: 30_000 })
  return { ...performer, world: made, living, told, isSettled }
}

const online = effect(KIND, { title: 'Hello' })

describe('the followers of a streamer', () => {
  test('are told once each where one in ten devices is dead and Firebase is busy once', {
    timeout: 60_000,
  }, async () => {
    const { add, told, living, isSettled, elapsed, accounts, world } = await streamer(3_000, n => n % 10 === 3)
    let busy = 1
    fake.answer(device => {
      if (device !== 'device-1500' || busy-- <= 0) return null
      return failure(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED', { 'retry-after': '20' })
    })
    add(online)
    await isSettled()
    expect(told().sort()).toEqual(living.sort())
    expect(accounts).toMatchObject([{ state: 'sent', detail: { sent: 2_700, dead: 300 } }])
    expect(await world.documents.find('registrations', {})).toHaveLength(2_700)
    expect(elapsed()).toBeGreaterThanOrEqual(20_000)
    expect(elapsed()).toBeLessThan(SCHEDULE_MS)
  })

  test("are told who is live, with the effect's id as the key by which messages collapse", async () => {
    const { add, world, isSettled } = await streamer(1)
    await world.put('users', 'sam', { username: 'Sam' })
    add(online)
    await isSettled()
    expect(fake.messages).toMatchObject([
      {
        notification: { title: 'Sam is live', body: 'Hello' },
        data: { effectId: online.id, sessionId: 's1', streamerId: 'sam' },
        android: { collapse_key: online.id },
      },
    ])
  })

  test('that registered anew meanwhile keep their device', async () => {
    const { add, world, isSettled } = await streamer(2, n => n === 0)
    fake.answer(device => {
      if (device === 'device-0') void world.put('registrations', 'fan-0\nphone', { value: 'device-new' })
      return null
    })
    add(online)
    await isSettled()
    expect(await world.documents.get('registrations', 'fan-0\nphone')).toMatchObject({ value: 'device-new' })
  })

  test('with a device that Firebase refuses do not keep the others waiting', async () => {
    const { add, told, isSettled, accounts } = await streamer(3)
    fake.answer(device => (device === 'device-1' ? failure(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT') : null))
    add(online)
    await isSettled()
    expect(told().sort()).toEqual(['device-0', 'device-2'])
    expect(accounts).toMatchObject([{ detail: { sent: 2, refused: 1 } }])
  })

  test('are all told although one device never can be', { timeout: 60_000 }, async () => {
    const { add, told, outbox, idle, told: seen } = await streamer(1_200)
    fake.answer(device => (device === 'device-7' ? failure(500, 'INTERNAL', 'INTERNAL') : null))
    add(online)
    await vi.waitFor(() => expect(told()).toHaveLength(1_199), { timeout: 30_000 })
    await idle()
    expect(new Set(seen()).size).toBe(1_199)
    expect(outbox.isWaiting(online.id)).toBe(true)
  })

  test('are not told of a session that has ended', async () => {
    const { add, told, isSettled, accounts, world } = await streamer(2)
    await world.put('sessions', 's1', { active: false })
    add(online)
    await isSettled()
    expect([told(), accounts[0]!.detail]).toEqual([[], { ended: true }])
  })

  test('of others are not told', async () => {
    const { add, world, told, isSettled } = await streamer(1)
    await world.put('followers', 'sammy\nfan-x', { userId: 'sammy', followerId: 'fan-x' })
    await world.put('registrations', 'fan-x\nphone', { userId: 'fan-x', kind: 'fid', value: 'device-x' })
    add(online)
    await isSettled()
    expect(told()).toEqual(['device-0'])
  })
})
