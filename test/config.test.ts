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

const SECRET = 'x'.repeat(32)
const OTHER = 'y'.repeat(32)
const KEYS = 'https://keys.example/jwks'
const DEMANDS = { ROLLCALL_AUTH_AUDIENCE: 'a', ROLLCALL_AUTH_ISSUER: 'i' }
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
    [{ ROLLCALL_AUTH_SECRET: 'x'.repeat(31) }, ['ROLLCALL_AUTH_SECRET']],
    [{ ROLLCALL_AUTH_SECRET: 'é'.repeat(16) }, []],
    [{ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_AUTH_JWKS_URL: KEYS, ...DEMANDS }, ['ROLLCALL_AUTH_JWKS_URL']],
    [{ ROLLCALL_AUTH_JWKS_URL: 'nonsense', ...DEMANDS }, ['ROLLCALL_AUTH_JWKS_URL']],
    [{ ROLLCALL_AUTH_JWKS_URL: KEYS }, ['ROLLCALL_AUTH_AUDIENCE', 'ROLLCALL_AUTH_ISSUER']],
    [{ ROLLCALL_AUTH_JWKS_URL: KEYS, ROLLCALL_AUTH_AUDIENCE: 'a' }, ['ROLLCALL_AUTH_ISSUER']],
    [{ ROLLCALL_AUTH_JWKS_URL: KEYS, ...DEMANDS }, []],
    [{ ROLLCALL_AUTH_JWKS_URL: 'http://keys.example/jwks', ...DEMANDS }, ['ROLLCALL_AUTH_JWKS_URL']],
    [{ ROLLCALL_AUTH_JWKS_URL: 'http://localhost.example/jwks', ...DEMANDS }, ['ROLLCALL_AUTH_JWKS_URL']],
    [{ ROLLCALL_AUTH_JWKS_URL: 'http://127.0.0.1:8080/jwks', ...DEMANDS }, []],
    [{ ROLLCALL_AUTH_JWKS_URL: 'http://[::1]:8080/jwks', ...DEMANDS }, []],
    [{ ROLLCALL_AUTH_OPERATOR_SECRET: OTHER }, ['ROLLCALL_AUTH_OPERATOR_SECRET']],
    [{ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_AUTH_OPERATOR_SECRET: SECRET }, ['ROLLCALL_AUTH_OPERATOR_SECRET']],
    [
      { ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_AUTH_OPERATOR_SECRET: OTHER, ROLLCALL_AUTH_OPERATOR_SCOPE: 'admin' },
      ['ROLLCALL_AUTH_OPERATOR_SCOPE'],
    ],
    [{ ROLLCALL_AUTH_SECRET: SECRET, ROLLCALL_AUTH_OPERATOR_SECRET: OTHER }, []],
    [{ ROLLCALL_HOST: '0.0.0.0' }, ['ROLLCALL_HOST']],
    [{ ROLLCALL_ORIGINS: 'https://a.example,http://b.example:8080' }, []],
    [{ ROLLCALL_ORIGINS: 'https://a.example/' }, ['ROLLCALL_ORIGINS']],
    [{ ROLLCALL_ORIGINS: 'https://a.example,*' }, ['ROLLCALL_ORIGINS']],
    [{ ROLLCALL_ORIGINS: 'null' }, ['ROLLCALL_ORIGINS']],
    [{ ROLLCALL_ORIGINS: 'https://a.example, https://b.example' }, ['ROLLCALL_ORIGINS']],
    [{ ROLLCALL_RATE_RECORDS: '0', ROLLCALL_RATE_BYTES: 'x' }, ['ROLLCALL_RATE_BYTES', 'ROLLCALL_RATE_RECORDS']],
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
