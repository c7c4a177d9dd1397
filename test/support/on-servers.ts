import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { afterAll } from 'vitest'
import { mongodbServer } from './mongodb-server.ts'
import { type NatsServer, startNatsServer } from './nats-server.ts'
import { RedisServer, redisServerBinary } from './redis-server.ts'
import { backends, type Env } from './server.ts'

/** Has every server of the tests keep all it has on servers: JetStream and Redis of its own, a database of its own. */
const mongodb = mongodbServer()!
const redis = redisServerBinary()!
const made = new Map<string, Promise<Env>>()
const started: (NatsServer | RedisServer)[] = []
const listeners: NatsConnection[] = []
const heard: string[] = []

async function make(): Promise<Env> {
  const servers = await Promise.all([startNatsServer(), RedisServer.start(redis)])
  started.push(...servers)
  const listener = await servers[0].connect()
  listeners.push(listener)
  const callback = (_error: unknown, { headers }: Msg): void => void heard.push(headers!.get('ce-id'))
  for (const about of ['session', 'rating', 'feed']) listener.subscribe(`rollcall.${about}.*`, { callback })
  await listener.flush()
  return {
    ROLLCALL_NATS_URL: servers[0].url,
    ROLLCALL_REDIS_URL: servers[1].url,
    ROLLCALL_MONGODB_URL: mongodb.freshUrl(),
    // Those that are killed come back at once.
    ROLLCALL_TAKE_OVER_MS: '500',
  }
}

backends.areServers = true
backends.heard = () => heard
backends.envOf = data => {
  const env = made.get(data) ?? make()
  made.set(data, env)
  return env
}

backends.copyLog = async (from, to) => {
  // There it goes on in the streams it is in: the claims of its next owner change no state.
  made.set(
    to,
    made.get(from)!.then(env => ({ ...env, ROLLCALL_MONGODB_URL: mongodb.freshUrl() })),
  )
}

afterAll(async () => {
  await Promise.all(listeners.map(listener => listener.close()))
  await Promise.all(started.map(server => server.stop()))
})
