import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { getApps } from 'firebase-admin/app'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RollcallError } from '../../src/errors.ts'
import { openFirebase } from '../../src/notify/firebase.ts'
import type { Push } from '../../src/notify/index.ts'
import { type Answer, type FakeFirebase, failure, INVALID_GRANT } from '../support/fake-firebase.ts'
import { type FirebasePush, fid, openFirebasePush, token, VERSIONS } from '../support/firebase-push.ts'
import { ManualTime } from '../support/time.ts'
import { message } from './push.ts'

const TIMERS = { toFake: ['setTimeout' as const, 'clearTimeout' as const] }
const BUSY = failure(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED')
const after = (retryAfter: string, answer: Answer): Answer => ({ ...answer, headers: { 'retry-after': retryAfter } })
const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()

/** Lets what the SDK waits between its attempts pass, which our own limits do not notice. */
const pass = async (waits: number): Promise<void> => {
  for (let left = waits; left > 0; left--) {
    await vi.waitUntil(() => vi.getTimerCount() > 0, { timeout: 30_000, interval: 5 })
    vi.advanceTimersToNextTimer()
  }
}

describe.each(VERSIONS)('push through Firebase, by HTTP/%s,', version => {
  let time: ManualTime
  let opened: FirebasePush
  let fake: FakeFirebase
  let push: Push

  beforeEach(async () => {
    time = new ManualTime(Date.parse('2026-01-01T12:00:00Z'))
    opened = await openFirebasePush(version, time)
    fake = opened.fake
    push = opened.push
  })
  afterEach(() => opened.close())

  /** Of a message to two. */
  const rejection = (): Promise<RollcallError> =>
    push.send(message(), [fid('a'), token('b')]).then(
      answers => Promise.reject(new Error(`it answered ${answers}`)),
      error => error,
    )

  test.each([
    ['RC_SERVICE_BUSY', 60_000, 'the quota is used up', BUSY],
    ['RC_SERVICE_BUSY', 7_000, 'it is for seconds', after('7', BUSY)],
    ['RC_SERVICE_BUSY', 90_000, 'it is until a date', after('Thu, 01 Jan 2026 12:01:30 GMT', BUSY)],
    ['RC_SERVICE_BUSY', 0, 'it was until a date', after('Thu, 01 Jan 2026 11:00:00 GMT', BUSY)],
    ['RC_SERVICE_BUSY', 60_000, 'nobody understands how long', after('soon', BUSY)],
    ['RC_SERVICE_BUSY', 60_000, 'a 429 is no JSON', { status: 429, body: '<html>' }],
    ['RC_SERVICE_BUSY', 0, 'it has a fault', failure(500, 'INTERNAL', 'INTERNAL')],
    ['RC_SERVICE_BUSY', 0, 'nobody knows why', failure(400, 'FAILED_PRECONDITION')],
    ['RC_SERVICE_BUSY', 0, 'a success is no JSON', { status: 200, body: '<html>' }],
    ['RC_SERVICE_UNREACHABLE', 0, 'a proxy answers', { status: 502, body: '<html>' }],
    ['RC_SERVICE_UNREACHABLE', 3_000, 'it ran out of time', after('3', failure(504, 'DEADLINE_EXCEEDED'))],
  ])('answers %s with a wait of %i ms where %s', async (code, retryAfterMs, _, answer) => {
    fake.answer(() => answer)
    expect(await push.send(message(), [token('a')])).toMatchObject([{ code, retryAfterMs }])
  })

  test('answers RC_SERVICE_UNREACHABLE where Firebase is unavailable, after the SDK has tried five times', async () => {
    vi.useFakeTimers(TIMERS)
    fake.answer(() => after('9', failure(503, 'UNAVAILABLE', 'UNAVAILABLE')))
    const sending = push.send(message(), [fid('a')])
    await pass(4)
    expect(await sending).toMatchObject([{ code: 'RC_SERVICE_UNREACHABLE', retryAfterMs: 9_000 }])
    expect(fake.versions).toHaveLength(5)
  })

  // By HTTP/2 all messages share a connection.
  if (version === '1.1') {
    test('answers RC_SERVICE_UNREACHABLE for what alone got no answer', async () => {
      vi.useFakeTimers(TIMERS)
      fake.answer(registration => (registration === 'b' ? 'hang up' : null))
      const sending = push.send(message(), [fid('a'), fid('b')])
      await pass(3)
      expect(await sending).toEqual(['sent', expect.objectContaining({ code: 'RC_SERVICE_UNREACHABLE' })])
    })
  }

  test.each(['silence', 'hang up'] as const)('rejects with RC_SERVICE_UNREACHABLE a minute after %s', async instead => {
    vi.useFakeTimers(TIMERS)
    fake.answer(() => instead)
    const rejected = rejection()
    await vi.waitUntil(() => fake.versions.length > 0 && time.timers === 1, { timeout: 30_000, interval: 5 })
    await time.advance(60_000)
    expect(await rejected).toMatchObject({ code: 'RC_SERVICE_UNREACHABLE', message: 'no answer in time' })
  })

  test('rejects with RC_SERVICE_UNREACHABLE where nobody listens', async () => {
    await push.send(message(), [fid('a')])
    await fake.close()
    const refused = expect.stringContaining('ECONNREFUSED')
    expect(await rejection()).toMatchObject({ code: 'RC_SERVICE_UNREACHABLE', message: refused })
  })

  test.each([
    ['a 401', failure(401, 'UNAUTHENTICATED')],
    ['a 403', failure(403, 'PERMISSION_DENIED')],
    ['a 403 that is no JSON', { status: 403, body: '<html>' }],
  ])('rejects with RC_SERVICE_BUSY where the account is refused by %s', async (_, answer) => {
    fake.answer(() => answer)
    expect(await rejection()).toMatchObject({ code: 'RC_SERVICE_BUSY' })
  })

  describe('without an access token,', () => {
    test.each([
      ['RC_SERVICE_BUSY', 0, 'the account is refused', INVALID_GRANT],
      ['RC_SERVICE_BUSY', 60_000, 'there are too many', { status: 429 }],
      ['RC_SERVICE_BUSY', 0, 'the answer is another', { status: 200, body: { access_token: 'ya29.alone' } }],
      ['RC_SERVICE_UNREACHABLE', 5_000, 'it is unavailable', after('5', { status: 503 })],
      ['RC_SERVICE_UNREACHABLE', 0, 'the answer is no JSON', { status: 200, body: '<html>' }],
    ])('rejects with %s and a wait of %i ms where %s', async (code, retryAfterMs, _, answer) => {
      fake.answerToken(() => answer)
      expect(await rejection()).toMatchObject({ code, retryAfterMs })
    })

    test('rejects with RC_SERVICE_UNREACHABLE where nobody listens', async () => {
      await fake.close()
      const refused = expect.stringContaining('ECONNREFUSED')
      expect(await rejection()).toMatchObject({ code: 'RC_SERVICE_UNREACHABLE', message: refused })
    })

    test('rejects with RC_SERVICE_UNREACHABLE where it does not come in time', async () => {
      fake.answerToken(() => {
        void time.advance(15_000)
        return 'silence'
      })
      expect(await rejection()).toMatchObject({ code: 'RC_SERVICE_UNREACHABLE', message: 'no access token: ABORT_ERR' })
    })

    test('rejects with RC_SERVICE_BUSY where the key is not of the account', async () => {
      const privateKey = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
      const other = await openFirebase({ ...opened.settings, privateKey })
      await expect(other.send(message(), [fid('a')])).rejects.toMatchObject({ code: 'RC_SERVICE_BUSY' })
      await other.close()
    })

    test('asks again with the next message', async () => {
      fake.answerToken(() => INVALID_GRANT)
      await rejection()
      fake.answerToken(null)
      expect(await push.send(message(), [fid('a')])).toEqual(['sent'])
    })
  })

  test('shows no secret in its errors', async () => {
    const { privateKey } = fake.settings
    const to = [token(`cXyZ:APA91b${'r'.repeat(130)}`), fid('dGhpcyBpcyBhIGZpZCB4eQ')]
    const keyLines = privateKey.split('\n').filter(line => line.length > 20 && !line.includes(' '))
    const seen: RollcallError[] = []
    const told = (registration: string): string => `${registration} ${[...fake.tokens]} ${'and more '.repeat(500)}`
    for (const status of [400, 401, 500]) {
      fake.answer(registration => failure(status, told(registration)))
      seen.push(...((await push.send(message(), to).catch(error => [error])) as RollcallError[]))
    }
    await fake.close()
    seen.push(await rejection())
    seen.push(await openFirebase({ ...fake.settings, privateKey: keyLines.join('\n') }).catch(error => error))
    expect(seen).toHaveLength(7)
    for (const error of seen) {
      const shown = [error.message, error.stack, JSON.stringify(error), inspect(error, { depth: 99, showHidden: true })]
      for (const secret of [...to.map(({ value }) => value), ...fake.tokens, ...keyLines])
        expect(shown.join('\n')).not.toContain(secret)
      expect(error.message.length).toBeLessThanOrEqual(250)
    }
  })

  test('takes a private key whose lines end with a written \\n', async () => {
    const privateKey = fake.settings.privateKey.replaceAll('\n', '\\n')
    const other = await openFirebase({ ...opened.settings, privateKey })
    expect(await other.send(message(), [fid('a')])).toEqual(['sent'])
    await other.close()
  })

  test.each([
    ['none', 'secret'],
    ['one of another kind', pem(generateKeyPairSync('ed25519').privateKey)],
  ])('does not open with a private key that is %s', async (_, privateKey) => {
    await expect(openFirebase({ ...opened.settings, privateKey })).rejects.toMatchObject({ code: 'RC_CONFIG_INVALID' })
  })

  test('takes nothing more once it closes', async () => {
    void push.close()
    expect(await rejection()).toMatchObject({ code: 'RC_CLOSING' })
  })

  test('leaves nothing of itself behind, and others of its account open', async () => {
    const other = await openFirebase(opened.settings)
    await push.close()
    expect(await other.send(message(), [fid('a')])).toEqual(['sent'])
    await other.close()
    expect(getApps()).toEqual([])
  })
})
