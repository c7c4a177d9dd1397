import { describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import type { RollcallError } from '../src/errors.ts'

const faults = (env: Record<string, string>): string[] => {
  try {
    readConfig(env, 2)
    return []
  } catch (error) {
    return (error as RollcallError).faults!.map(({ path }) => path).sort()
  }
}

const PUSHER = { PUSHER_APP_ID: '1', PUSHER_KEY: 'k', PUSHER_SECRET: 's' }

describe('the configuration', () => {
  test('of Pusher is none without its variables, and whole with them', () => {
    expect(readConfig({}, 2).pusher).toBeNull()
    expect(readConfig({ ...PUSHER, PUSHER_CLUSTER: 'eu' }, 2).pusher).toMatchObject({
      ...{ appId: '1', key: 'k', secret: 's', cluster: 'eu', tls: true },
    })
  })

  test.each([
    [{ PUSHER_KEY: 'k' }, ['PUSHER_APP_ID', 'PUSHER_CLUSTER', 'PUSHER_SECRET']],
    [PUSHER, ['PUSHER_CLUSTER']],
    [{ ...PUSHER, PUSHER_HOST: 'h' }, []],
    [{ ...PUSHER, PUSHER_HOST: 'h', PUSHER_PORT: 'x', PUSHER_TLS: 'no' }, ['PUSHER_PORT', 'PUSHER_TLS']],
    [{ FIREBASE_PROJECT_ID: 'p', FIREBASE_CLIENT_EMAIL: 'e' }, ['FIREBASE_PRIVATE_KEY']],
    [{ FIREBASE_PROJECT_ID: 'p', FIREBASE_CLIENT_EMAIL: 'e', FIREBASE_PRIVATE_KEY: 'k' }, ['FIREBASE_PRIVATE_KEY']],
    [{ ROLLCALL_FEED_GROUPS: 'global;asia=taiwan' }, ['ROLLCALL_FEED_GROUPS']],
  ])('%j has faults of %j', (env, expected) => {
    expect(faults(env as Record<string, string>)).toEqual(expected)
  })

  test('of feeds has their groups and excluded tags', () => {
    const { feeds } = readConfig({ ROLLCALL_FEED_GROUPS: 'all;eu=de,fr', ROLLCALL_FEED_EXCLUDED_TAGS: 'x,y' }, 2)
    expect(feeds.groups).toEqual([
      { name: 'all', countries: [] },
      { name: 'eu', countries: ['de', 'fr'] },
    ])
    expect(feeds.excludedTags).toEqual(['x', 'y'])
  })
})
