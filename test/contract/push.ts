import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Push, PushMessage, Registration, Sent } from '../../src/notify/index.ts'

export interface OpenedPush {
  push: Push
  /** all of them can be reached */
  registrations: readonly Registration[]
  destroy(): Promise<void>
}

/** An hour from now. */
export const message = (fields: Partial<PushMessage> = {}): PushMessage => ({
  title: 'Ada is live',
  body: 'Algebra at ten',
  data: { effectId: 'e1' },
  collapseKey: 'session-1',
  expiresAt: Date.now() + 3_600_000,
  ...fields,
})

/** What push of every kind does. */
export function pushContract(name: string, sent: Sent, open: () => Promise<OpenedPush>): void {
  describe(`push, ${name},`, () => {
    let opened: OpenedPush
    let push: Push
    let one: Registration

    beforeEach(async () => {
      opened = await open()
      push = opened.push
      one = opened.registrations[0]!
    })
    afterEach(() => opened.destroy())

    test(`answers of every registration that the message is ${sent}`, async () => {
      const { registrations } = opened
      expect(await push.send(message(), registrations)).toEqual(registrations.map(() => sent))
    })

    test('answers each of several calls at once', async () => {
      const bodies = ['one', 'two', 'three']
      const answers = await Promise.all(bodies.map(body => push.send(message({ body }), [one])))
      expect(answers).toEqual(bodies.map(() => [sent]))
    })

    test.each([
      ['a very long collapse key', { collapseKey: 'k'.repeat(2_000) }],
      ['a collapse key that is no header', { collapseKey: 'sessión\r\n日本 👩‍🚀' }],
      ['an empty collapse key', { collapseKey: '' }],
      ['no data', { data: {} }],
      ['any text', { title: 'Grüße "\\\n', body: '日本 👩‍🚀', data: { note: '{"a":\u2028}' } }],
      ['its time past', { expiresAt: 1 }],
      ['its time far ahead', { expiresAt: Number.MAX_SAFE_INTEGER }],
    ])('takes a message with %s', async (_, fields) => {
      expect(await push.send(message(fields), [one])).toEqual([sent])
    })

    test('leaves a message as it is', async () => {
      const given = message({ expiresAt: 1 })
      await push.send(given, [one])
      expect(given).toEqual(message({ expiresAt: 1 }))
    })

    test('closes after it has answered', async () => {
      const order: string[] = []
      const sending = push.send(message(), [one]).then(([answer]) => order.push(`${answer}`))
      await push.close()
      order.push('closed')
      await sending
      expect(order).toEqual([sent, 'closed'])
    })

    test('closes twice', async () => {
      await push.close()
      expect(await push.close()).toBeUndefined()
    })
  })
}
