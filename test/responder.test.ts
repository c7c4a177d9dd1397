import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import type { Owner } from '../src/ownership/index.ts'
import { answering } from '../src/ownership/responder.ts'
import { ManualTime, toldFaults } from './support/time.ts'

test('an owner answers what was asked before its connection broke, in no larger messages than before', async () => {
  const time = new ManualTime()
  const faults = toldFaults()
  let receive: (error: Error | null, message: Msg) => void = () => {}
  const nats = {
    info: { max_payload: 8_192 } as { max_payload: number } | undefined,
    subscribe: (_subject: string, { callback }: { callback: typeof receive }) => {
      receive = callback
      return { drain: async () => {} }
    },
  }
  const users = Array.from({ length: 1_000 }, (_, n) => `user-${n}-${'x'.repeat(100)}`)
  const owner = { alive: async () => users } as unknown as Owner
  answering(nats as unknown as NatsConnection, owner, { time, faults })
  const ask = async (): Promise<number[]> => {
    const sizes: number[] = []
    const respond = (data: Uint8Array) => sizes.push(data.length)
    const asked = { subject: 'rollcall.owner.alive', reply: '_INBOX.x', string: () => '["s"]', respond }
    receive(null, asked as unknown as Msg)
    await time.settle()
    return sizes
  }
  const before = await ask()
  nats.info = undefined
  expect(await ask()).toEqual(before)
  expect(Math.max(...before)).toBeLessThanOrEqual(8_192)
  expect(faults.all).toEqual([])
})
