import { beforeEach, describe, expect, test } from 'vitest'
import { Subscriptions } from '../src/bridge/subscriptions.ts'
import type { DocumentStore } from '../src/documents/index.ts'

let followers: Set<string>
let sessions: Record<string, { active: boolean }>
let asked: string[]
let subscriptions: Subscriptions

beforeEach(() => {
  followers = new Set(['sam\nfan'])
  sessions = { on: { active: true }, off: { active: false } }
  asked = []
  const documents = {
    async get(collection: string, id: string) {
      asked.push(id)
      return collection === 'sessions' ? (sessions[id] ?? null) : followers.has(id) ? { _id: id } : null
    },
  }
  subscriptions = new Subscriptions(documents as unknown as DocumentStore)
})

const may = (channel: string, user: string) => subscriptions.mayJoin(channel, user)

describe('a channel', () => {
  test.each(['private-user', 'private-enc-user'])('%s@sam is for sam alone', async kind => {
    expect([await may(`${kind}@sam`, 'sam'), await may(`${kind}@sam`, 'fan')]).toEqual([true, false])
  })

  test.each(['private-stream', 'private-enc-stream'])('%s@sam is for sam and who follows sam', async kind => {
    const joined = await Promise.all(['sam', 'fan', 'stranger'].map(user => may(`${kind}@sam`, user)))
    expect(joined).toEqual([true, true, false])
  })

  test('presence-session@… is for everybody while the session is active', async () => {
    const channels = ['on', 'off', 'none'].map(id => `presence-session@${id}`)
    expect(await Promise.all(channels.map(channel => may(channel, 'anyone')))).toEqual([true, false, false])
  })

  test.each([
    'sam',
    'private-user@',
    'private-else@sam',
    'xprivate-user@sam',
    'presence-user@sam',
  ])('named %s is for nobody', async channel => {
    expect(await may(channel, 'sam')).toBe(false)
  })
})

describe('an answer', () => {
  test('is kept', async () => {
    await may('private-stream@sam', 'fan')
    await may('private-stream@sam', 'fan')
    expect(asked).toEqual(['sam\nfan'])
  })

  test('is found out anew when the streamer is renewed, before anybody asks', async () => {
    await may('private-stream@sam', 'fan')
    followers.clear()
    await subscriptions.renew('sam')
    expect(asked).toEqual(['sam\nfan', 'sam\nfan'])
    expect([await may('private-stream@sam', 'fan'), asked.length]).toEqual([false, 2])
  })

  test('outlives the renewal of another streamer', async () => {
    await may('private-stream@sam', 'fan')
    await subscriptions.renew('ann')
    expect(asked).toEqual(['sam\nfan'])
  })

  test('is forgotten when the user begins or ceases to follow', async () => {
    await may('private-enc-stream@sam', 'fan')
    followers.clear()
    subscriptions.forget('sam', 'fan')
    expect(await may('private-enc-stream@sam', 'fan')).toBe(false)
  })

  test('is forgotten when nobody is left on the channel', async () => {
    await may('private-stream@sam', 'fan')
    subscriptions.vacated('private-stream@sam')
    await may('private-stream@sam', 'fan')
    expect(asked).toHaveLength(2)
  })
})
