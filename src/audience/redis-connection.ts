import type { Redis } from 'ioredis'
import type { Probe } from '../observe/servers.ts'
import { SCRIPTS } from './redis-scripts.ts'

const WITHIN_MS = 1_000
/** Without an answer the connection is given up for another. */
const SILENT_MS = 3_000
const LONGEST_PAUSE_MS = 2_000

/** Redis gave no answer, or refused. */
export class RedisError extends Error {
  override name = 'RedisError'

  /** ioredis hangs the command with all its arguments on its errors. */
  constructor({ message }: Error) {
    super(`Redis: ${message}`)
  }
}

/** Resolves when Redis is connected or the first attempt failed; it is tried again for ever. `failed` hears of it. */
export async function connectRedis(url: string, failed: (error: RedisError) => void): Promise<Redis> {
  // Takes a while to load, and most run without.
  const { Redis } = await import('ioredis')
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: WITHIN_MS,
    commandTimeout: WITHIN_MS,
    socketTimeout: SILENT_MS,
    retryStrategy: times => Math.min(times * 100, LONGEST_PAUSE_MS),
    scripts: Object.fromEntries(
      Object.entries(SCRIPTS).map(([name, { lua, about }]) => [name, { lua, numberOfKeys: 3 + about.length }]),
    ),
  })
  redis.on('error', error => failed(new RedisError(error)))
  // The listener heard of the error, and the next attempt follows.
  await redis.connect().catch(() => {})
  return redis
}

/** Asks Redis on a connection of its own, which is made when it is first asked. */
export function redisProbe(url: string): { probe: Probe; close(): Promise<void> } {
  let why: RedisError | undefined
  let connected: Promise<Redis> | undefined
  const probe = async (): Promise<void> => {
    connected ??= connectRedis(url, error => {
      why = error
    })
    const redis = await connected
    if (redis.status !== 'ready' && why) throw why
    await redis.ping()
  }
  return { probe, close: async () => (await connected)?.disconnect() }
}
