import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openFirebase } from '../../src/notify/firebase.ts'
import { MOST_REGISTRATIONS, type Push, type PushMessage } from '../../src/notify/index.ts'
import { type FakeFirebase, failure, type WireMessage } from '../support/fake-firebase.ts'
import { type FirebasePush, fid, openFirebasePush, token, VERSIONS } from '../support/firebase-push.ts'
import { message, pushContract } from './push.ts'

const registrations = Array.from({ length: MOST_REGISTRATIONS }, (_, i) =>
  i % 2 ? fid(`fid-${i}`) : token(`token-${i}`),
)
const NOON = Date.parse('2026-01-01T12:00:00Z')

const { FIREBASE_TEST_REGISTRATION: real, FIREBASE_PROJECT_ID: projectId = '' } = process.env
const { FIREBASE_CLIENT_EMAIL: clientEmail = '', FIREBASE_PRIVATE_KEY: privateKey = '' } = process.env
if (real && projectId && clientEmail && privateKey) {
  pushContract('through Firebase', 'sent', async () => {
    const push = await openFirebase({ projectId, clientEmail, privateKey })
    return { push, registrations: [real.startsWith('fid:') ? fid(real.slice(4)) : token(real)], destroy: push.close }
  })
} else {
  const names = 'FIREBASE_PROJECT_ID, _CLIENT_EMAIL, _PRIVATE_KEY or _TEST_REGISTRATION'
  describe.skip(`push, through Firebase (skipped while ${names} is unset)`, () => {
    test('does what every kind does', () => {})
  })
}

describe.each(VERSIONS)('by HTTP/%s,', version => {
  pushContract('through the fake of Firebase', 'sent', async () => {
    const { push, close } = await openFirebasePush(version)
    return { push, registrations, destroy: close }
  })

  describe('push through Firebase', () => {
    let opened: FirebasePush
    let fake: FakeFirebase
    let push: Push

    beforeEach(async () => {
      opened = await openFirebasePush(version)
      fake = opened.fake
      push = opened.push
    })
    afterEach(() => opened.close())

    test('speaks that version', async () => {
      await push.send(message(), [fid('a')])
      expect(fake.versions).toEqual([version])
    })

    test('asks for one access token for all', async () => {
      await Promise.all([push.send(message(), registrations), push.send(message(), [fid('a')])])
      await push.send(message(), [fid('b')])
      expect(fake.tokens.size).toBe(1)
    })

    test('brings each registration its message once', async () => {
      await push.send(message(), registrations)
      const reached = fake.messages.map(({ fid, token }) => (fid ? `fid ${fid}` : `token ${token}`))
      expect(reached.sort()).toEqual(registrations.map(({ kind, value }) => `${kind} ${value}`).sort())
    })

    describe('brings', () => {
      const brought = async (fields: Partial<PushMessage>): Promise<WireMessage> => {
        vi.useFakeTimers({ toFake: ['Date'], now: NOON })
        await push.send(message(fields), [fid('a')])
        return fake.messages.at(-1)!
      }
      const keysOf = async (collapseKey: string): Promise<(string | undefined)[]> => {
        const { android, apns, webpush } = await brought({ collapseKey })
        return [android.collapse_key, apns.headers['apns-collapse-id'], webpush.headers.Topic]
      }

      test('what is to be shown and the data as they were', async () => {
        const fields = { title: 'Grüße', body: '日本', data: { effectId: 'e1', url: '/s/1' } }
        const { notification, data } = await brought(fields)
        expect({ ...notification, data }).toEqual(fields)
      })

      test('what is urgent', async () => {
        expect((await brought({})).android.priority).toBe('high')
      })

      test('a collapse key as it is where a header can hold it', async () => {
        const key = 'k'.repeat(64)
        expect(await keysOf(key)).toEqual([key, key, expect.stringMatching(/^[\w-]{32}$/)])
      })

      test.each([
        'k'.repeat(65),
        'k'.repeat(4_000),
        '',
        'a b',
        'a\nb',
        '日本',
      ])('a digest of the collapse key %j', async key => {
        const digest = expect.stringMatching(/^[\w-]{43}$/)
        expect(await keysOf(key)).toEqual([digest, digest, expect.stringMatching(/^[\w-]{32}$/)])
      })

      test('another collapse key for another', async () => {
        const keys = ['k', 'l', 'k'.repeat(65), `${'k'.repeat(64)}l`]
        const seen = [new Set(), new Set(), new Set()]
        for (const key of [...keys, ...keys])
          for (const [index, each] of (await keysOf(key)).entries()) seen[index]?.add(each)
        expect(seen.map(each => each.size)).toEqual([4, 4, 4])
      })

      test.each([
        ['a minute and half a second', 60_500, '60.500000000s', '60', 1_767_268_860],
        ['no time', -1, '0s', '0', 1_767_268_800],
        ['four weeks at most', 1e12, '2419200s', '2419200', 1_769_688_000],
      ])('%s to live', async (_, ms, ttl, seconds, expiration) => {
        const { android, apns, webpush } = await brought({ expiresAt: NOON + ms })
        const given = [android.ttl, webpush.headers.TTL, apns.headers['apns-expiration']]
        expect(given).toEqual([ttl, seconds, `${expiration}`])
      })
    })

    test('tells the dead from the others, in the order of the registrations', async () => {
      fake.dead.add('b').add('d')
      const answers = await push.send(message(), [fid('a'), fid('b'), token('c'), token('d'), fid('e')])
      expect(answers).toEqual(['sent', 'dead', 'sent', 'dead', 'sent'])
    })

    test('says of a registration alone that it is refused for the APNs certificate', async () => {
      const answer = failure(401, 'UNAUTHENTICATED', 'THIRD_PARTY_AUTH_ERROR')
      fake.answer(registration => (registration === 'b' ? answer : null))
      const refused = expect.objectContaining({ code: 'RC_SERVICE_REFUSED' })
      expect(await push.send(message(), [fid('a'), token('b'), fid('c')])).toEqual(['sent', refused, 'sent'])
    })

    test.each([
      ['an argument', failure(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT')],
      ['another sender', failure(403, 'PERMISSION_DENIED', 'SENDER_ID_MISMATCH')],
      ['what is not found, as a project may be', failure(404, 'NOT_FOUND')],
    ])('says of a registration that the message does not fit it, for %s', async (_, answer) => {
      fake.answer(registration => (registration === 'b' ? answer : null))
      expect(await push.send(message(), [fid('a'), token('b'), fid('c')])).toEqual(['sent', 'unfit', 'sent'])
    })

    test('says of a registration without a value that the message does not fit it', async () => {
      expect(await push.send(message(), [fid('')])).toEqual(['unfit'])
    })
  })
})
