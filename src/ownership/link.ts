import type { NatsConnection } from '@nats-io/transport-node'

const DIAL_MS = 5_000

/** The ways to others, as far as there are any. */
export interface Links {
  /** on which users and services speak, and hear of things */
  nats: NatsConnection | null
  /** over which processes reach each other's partitions; null: there is but one process */
  ownerLink: NatsConnection | null
  close(): Promise<void>
}

/** `isShared`: other processes may have the same checkpoints. Throws RC_UNREACHABLE if NATS does not answer. */
export async function openLinks(natsUrl: string | null, isShared: boolean): Promise<Links> {
  if (!natsUrl) return { nats: null, ownerLink: null, close: async () => {} }
  const { openConnection } = await import('../nats/index.ts')
  const connection = await openConnection({ url: natsUrl }, DIAL_MS)
  const { nats } = connection
  return { nats, ownerLink: isShared ? nats : null, close: () => connection.close() }
}
