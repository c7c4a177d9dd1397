import { mongodbServer } from '../../test/support/mongodb-server.ts'
import { natsServerBinary, startNatsServer } from '../../test/support/nats-server.ts'
import type { Random } from '../../test/support/random.ts'
import { RedisServer, redisServerBinary } from '../../test/support/redis-server.ts'
import type { Env } from '../../test/support/server.ts'
import { between, type Fault, type Part } from './part.ts'
import { Process } from './process.ts'
import { Wire } from './wire.ts'

/** ms between two faults of one part, at most. */
const [OF_PROCESS, OF_SERVER, OF_WIRE] = [8_000, 20_000, 25_000]

/** The processes of a run, all that can break, and the end of it. */
export interface Setting {
  name: string
  processes: Process[]
  parts: Part[]
  stop(): Promise<void>
}

const cuts = (wire: Wire): Record<string, Fault> => ({
  cut: between(
    () => wire.cut(),
    () => wire.heal(),
  ),
  held: between(
    () => wire.hold(),
    () => wire.heal(),
  ),
})

const ofProcess = ({ name, wire, faults }: Process): Part[] => [
  { name, every: OF_PROCESS, faults },
  { name: `clients of ${name}`, every: OF_PROCESS, faults: cuts(wire) },
]

const FLUSH = { ROLLCALL_FLUSH_MS: '200' }

/** A single process with all it needs in itself. */
export async function embedded(): Promise<Setting> {
  const alone = await Process.start('rollcall', FLUSH, true)
  return { name: 'embedded', processes: [alone], parts: ofProcess(alone), stop: () => alone.stop() }
}

/** Two processes on JetStream, MongoDB and Redis, each with wires of its own to them; null where these are not. */
export async function onServers(random: Random): Promise<Setting | null> {
  const mongodb = mongodbServer()
  const redisBinary = redisServerBinary()
  if (mongodb === null || mongodb.kills.length === 0 || redisBinary === null || natsServerBinary() === null) return null
  const [nats, redis] = await Promise.all([startNatsServer(), RedisServer.start(redisBinary), mongodb.start()])
  const urls = { NATS: nats.url, MONGODB: mongodb.freshUrl(), REDIS: redis.url }
  const wires: Wire[] = []
  const parts: Part[] = []
  const processes: Process[] = []
  for (const name of ['rollcall 1', 'rollcall 2']) {
    const env: Env = { ...FLUSH, ROLLCALL_TAKE_OVER_MS: '2000' }
    for (const [server, url] of Object.entries(urls)) {
      const port = /:(\d+)(?:\/|$)/.exec(url)![1]!
      const wire = await Wire.to(Number(port))
      wires.push(wire)
      parts.push({ name: `${name} to ${server}`, every: OF_WIRE, faults: cuts(wire) })
      env[`ROLLCALL_${server}_URL`] = url.replace(`:${port}`, `:${wire.port}`)
    }
    const started = await Process.start(name, env, false)
    processes.push(started)
    parts.push(...ofProcess(started))
  }
  parts.push(
    {
      name: 'NATS',
      every: OF_SERVER,
      faults: {
        'kill -9': between(
          () => nats.kill(),
          () => nats.start(),
        ),
        SIGSTOP: between(
          () => nats.pause(),
          () => nats.resume(),
        ),
      },
    },
    {
      name: 'MongoDB',
      every: OF_SERVER,
      faults: {
        'kill -9': between(
          () =>
            random.chance(0.5) && mongodb.kills.includes('killPostgres') ? mongodb.killPostgres() : mongodb.kill(),
          () => mongodb.restart(),
        ),
        SIGSTOP: between(
          () => mongodb.freeze(),
          () => mongodb.thaw(),
        ),
      },
    },
    {
      name: 'Redis',
      every: OF_SERVER,
      faults: {
        'kill -9': between(
          () => redis.kill(),
          () => redis.up(),
        ),
        SIGSTOP: between(
          () => redis.freeze(),
          () => redis.thaw(),
        ),
        emptied: () => redis.flush(),
      },
    },
  )
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map(each => each.stop()))
    for (const wire of wires) wire.close()
    await Promise.all([nats.stop(), redis.stop(), mongodb.stop()])
  }
  return { name: 'two processes on servers', processes, parts, stop }
}
