import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ChannelEvent, Channels, Sent } from '../../src/notify/index.ts'

export interface OpenedChannels {
  channels: Channels
  /** what comes on a channel from now on, where somebody can hear it */
  listen?(channel: string): Promise<ChannelEvent[]>
  destroy(): Promise<void>
}

export const POLL = { timeout: 30_000 }

/** What channels of every kind do; those that answer `sent` are listened to. */
export function channelsContract(name: string, sent: Sent, open: () => Promise<OpenedChannels>): void {
  describe(`the channels, ${name},`, () => {
    let opened: OpenedChannels
    let channels: Channels

    beforeEach(async () => {
      opened = await open()
      channels = opened.channels
    })
    afterEach(() => opened.destroy())

    const aChannel = (): string => `rollcall-test-${randomUUID()}`
    const event = (channel: string, data: Record<string, unknown> = {}): ChannelEvent => ({ channel, name: 'x', data })

    test(`answer that an event is ${sent}`, async () => {
      expect(await channels.send(event(aChannel()))).toBe(sent)
    })

    test('answer each of many calls at once', async () => {
      const answers = await Promise.all(Array.from({ length: 25 }, () => channels.send(event(aChannel()))))
      expect(answers).toEqual(Array.from({ length: 25 }, () => sent))
    })

    test('take data of 10 kB', async () => {
      const text = 'x'.repeat(10_240 - '{"text":""}'.length)
      expect(await channels.send(event(aChannel(), { text }))).toBe(sent)
    })

    test('leave an event as it is', async () => {
      const given = event(aChannel(), { deep: { list: [1] } })
      await channels.send(given)
      expect(given).toEqual({ channel: given.channel, name: 'x', data: { deep: { list: [1] } } })
    })

    test('take gauges beside events', async () => {
      for (let watching = 0; watching < 50; watching++) channels.gauge(event(aChannel(), { watching }))
      expect(await channels.send(event(aChannel()))).toBe(sent)
    })

    test('close after they have answered', async () => {
      const order: string[] = []
      const sending = channels.send(event(aChannel())).then(answer => order.push(answer))
      await channels.close()
      order.push('closed')
      await sending
      expect(order).toEqual([sent, 'closed'])
    })

    test('close twice', async () => {
      channels.gauge(event(aChannel()))
      await channels.close()
      expect(await channels.close()).toBeUndefined()
    })

    if (sent === 'recorded') return

    describe('as they are heard,', () => {
      test('bring data as it was', async () => {
        const channel = aChannel()
        const data = { text: 'Grüße, 日本 👩‍🚀 "\\\n\0', none: null, deep: { list: [1, [2.5], {}] }, no: false }
        const heard = await opened.listen!(channel)
        await channels.send(event(channel, data))
        await expect.poll(() => heard, POLL).toEqual([event(channel, data)])
      })

      test('reach nobody on another channel', async () => {
        const [here, there] = [aChannel(), aChannel()]
        const [heardHere, heardThere] = [await opened.listen!(here), await opened.listen!(there)]
        await channels.send(event(here, { n: 1 }))
        await channels.send(event(there, { n: 2 }))
        await expect.poll(() => heardThere, POLL).toEqual([event(there, { n: 2 })])
        await expect.poll(() => heardHere, POLL).toEqual([event(here, { n: 1 })])
      })

      test('keep the order of what is sent one after the other', async () => {
        const channel = aChannel()
        const heard = await opened.listen!(channel)
        const sentEvents = Array.from({ length: 12 }, (_, n) => event(channel, { n }))
        for (const each of sentEvents) await channels.send(each)
        await expect.poll(() => heard, POLL).toEqual(sentEvents)
      })

      test('bring the latest gauge', async () => {
        const channel = aChannel()
        const heard = await opened.listen!(channel)
        for (let watching = 0; watching < 100; watching++) channels.gauge(event(channel, { watching }))
        await expect.poll(() => heard.at(-1), POLL).toEqual(event(channel, { watching: 99 }))
      })
    })
  })
}
