/** Channels and push without a service: what they would have sent is recorded by whoever asked for it. */
import type { Channels, Outputs, Push } from './index.ts'

export const recordedChannels = (): Channels => ({
  send: async () => 'recorded',
  gauge: () => {},
  close: async () => {},
})

export const recordedPush = (): Push => ({
  send: async (_message, to) => to.map(() => 'recorded'),
  close: async () => {},
})

export const recordedOutputs = (): Outputs => ({ publish: async () => 'recorded' })
