import type { Redis } from 'ioredis'
import type { Probe } from '../observe/servers.ts'
import { judgeErrors } from '../observe/silence.ts'
import { SCRIPTS } from './redis-scripts.ts'

const WITHIN_MS = 1_000
/** Without an answer the connection is given up for another. */
const SILENT_MS = 3_000
const LONGEST_PAUSE_MS = 2_000

/** Redis gave no answer, or refused. */
export class RedisError extends Error {
  override name = 'RedisError'
  /** the word by which Redis refuses, as READONLY; undefined where it gave no answer */
  readonly code: string | undefined

  /** ioredis hangs the command with all its arguments on its errors. */
  constructor({ name, message }: Error) {
    super(`Redis: ${message}`)
    this.code = name === 'ReplyError' ? (/^[A-Z]+/.exec(message)?.[0] ?? 'ERR') : undefined
  }
}

judgeErrors('redis', error => {
  if (!(error instanceof RedisError)) return undefined
  return error.code === undefined ? 'silence' : 'answer'
})

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

/** Written by who asks whether Redis takes writes. */
const PROBE = 'rollcall:{live}:probe'
const PROBE_MS = 10_000

/** Asks Redis to take a write, on a connection of its own, which is made when it is first asked. */
export function redisProbe(url: string): { probe: Probe; close(): Promise<void> } {
  let why: RedisError | undefined
  let connected: Promise<Redis> | undefined
  const probe = async (): Promise<void> => {
    connected ??= connectRedis(url, error => {
      why = error
    })
    const redis = await connected
    if (redis.status !== 'ready' && why) throw why
    // A replica, and one that is full, answers a ping.
    await redis.set(PROBE, '', 'PX', PROBE_MS)
  }
  return { probe, close: async () => (await connected)?.disconnect() }
}
