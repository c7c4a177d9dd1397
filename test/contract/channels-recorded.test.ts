import { describe, expect, test } from 'vitest'
import { recordedChannels, recordedPush } from '../../src/notify/recorded.ts'
import { channelsContract } from './channels.ts'

channelsContract('recorded', 'recorded', async () => {
  const channels = recordedChannels()
  return { channels, destroy: () => channels.close() }
})

describe('recorded push', () => {
  test('answers of every registration that the message is recorded', async () => {
    const push = recordedPush()
    const message = { title: 'Live', body: 'now', data: {}, collapseKey: 's1', expiresAt: 0 }
    const to = ['a', 'b', 'c'].map(value => ({ kind: 'fid' as const, value }))
    expect(await push.send(message, to)).toEqual(['recorded', 'recorded', 'recorded'])
    await push.close()
  })
})
