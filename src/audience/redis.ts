/**
 * Live sets in Redis (6.2 or later, with `maxmemory-policy noeviction`), for other services to read. Ids stand in the
 * names as they are; times are ms since the epoch; all names share a hash tag, so scripts may touch several.
 *
 * | key                                   | type | holds                                                              |
 * |---------------------------------------|------|--------------------------------------------------------------------|
 * | `rollcall:{live}:generation`          | text | while it is there all else is whole; if not, nothing is known      |
 * | `rollcall:{live}:alive`               | ZSET | user id by newest beat                                             |
 * | `rollcall:{live}:alive:<stream>`      | ZSET | the same, of those whose newest beat was on the stream             |
 * | `rollcall:{live}:watching`            | HASH | user id → stream of the newest beat                                |
 * | `rollcall:{live}:streams`             | ZSET | stream by newest beat on it                                        |
 * | `rollcall:{live}:attendance`          | SET  | user ids of all who were ever there                                |
 * | `rollcall:{live}:attendance:<stream>` | SET  | user ids, as long as the stream counts them: a day after a beat    |
 * | `rollcall:{live}:viewing:<user>`      | HASH | `start`, `end` of the latest viewing session; gone a day later     |
 * | `rollcall:{live}:snapshot:<session>`  | HASH | `json` of a streamer's session, `seq`, `generation`; a week        |
 * | `rollcall:{live}:actor:<kind>:<key>`  | text | an actor's snapshot, JSON; gone a day after it was written         |
 * | `rollcall:{live}:rebuild`, `:whole`,  |      | who may write, what is whole, when sets of streams expire:         |
 * | `:counting`, `:probe`                 |      | Rollcall's own                                                     |
 *
 * Alive is who beat in the last 65 s, by the reader's clock: `ZCOUNT … <now − 65000> +inf`; older ones leave in time.
 * To tell nobody from unknown read the generation in the same MULTI.
 */
import type { Redis } from 'ioredis'
import type { Faults } from '../observe/index.ts'
import { systemTime, type Time } from '../time.ts'
import { Sweep } from './alive.ts'
import { FREEZE_MS } from './counters.ts'
import { type LiveContent, type LiveSets, LiveSetsLost } from './index.ts'
import { connectRedis, RedisError } from './redis-connection.ts'
import { SCRIPTS, type Script, TRIMMED } from './redis-scripts.ts'

export interface RedisLiveSetsOptions {
  url: string
  /** of the log; another one's sets are not ours */
  generation: string
  /** how many must be whole until anything is known */
  partitions: number
  /** told of Redis being away, once until it is back */
  faults: Faults
  time?: Time
}

type Argument = string | number

/** About 3 ms of Redis's time: all partitions together must get their answers in time. */
const MOST_ARGUMENTS = 1_000
/** Characters of a command at which the next record has to wait for another one. */
const MOST_CHARACTERS = 1_000_000
const MOST_TRIMS = 50

export const keyOf = (...names: string[]): string => ['rollcall:{live}', ...names].join(':')
const GENERATION = keyOf('generation')

const failPlainly = (error: Error): never => {
  throw new RedisError(error)
}

const connect = async (url: string, faults: Faults): Promise<Redis> => {
  let isAway = false
  const redis = await connectRedis(url, error => {
    if (!isAway) faults.report('live sets', error)
    isAway = true
  })
  redis.on('ready', () => {
    isAway = false
  })
  return redis
}

/** Resolves when Redis is connected or the first attempt failed. */
export async function openRedisLiveSets(options: RedisLiveSetsOptions): Promise<LiveSets<null>> {
  const { url, generation, partitions, faults, time = systemTime } = options
  const redis = await connect(url, faults)
  const scripts = redis as unknown as Record<Script, (...args: Argument[]) => Promise<number>>
  /** of the partitions this handle may publish for */
  const tokens = new Map<number, string>()
  const sweep = new Sweep(time)

  const run = async (script: Script, partition: number, token: string, records: Argument[] = []): Promise<number> => {
    const keys = ['generation', 'rebuild', 'whole', ...SCRIPTS[script].about].map(name => keyOf(name))
    const call = scripts[script](...keys, generation, partition, token, partitions, ...records)
    const answer = await call.catch(failPlainly)
    if (answer < 0) throw new LiveSetsLost(partition)
    return answer
  }

  const trim = async (partition: number, token: string): Promise<void> => {
    const before = sweep.due()
    if (before === undefined) return
    for (let i = 0; i < MOST_TRIMS; i++) if ((await run('trim', partition, token, [before])) < TRIMMED) return
    sweep.undone()
  }

  const write = async (partition: number, token: string, content: LiveContent): Promise<void> => {
    const { present = [], attended = [], streams = [], viewing = [], snapshots = [], actors = [] } = content
    const put = async <T>(script: Script, records: T[], flat: (record: T) => Argument[], shared: Argument[] = []) => {
      let some = [...shared]
      let characters = 0
      for (const [i, record] of records.entries()) {
        const next = flat(record)
        some.push(...next)
        characters += next.reduce<number>((sum, each) => sum + String(each).length, 0)
        const isFull = some.length + next.length > MOST_ARGUMENTS - 4 || characters >= MOST_CHARACTERS
        if (!isFull && i < records.length - 1) continue
        await run(script, partition, token, some)
        some = [...shared]
        characters = 0
      }
    }
    const leftOf = new Map(streams)
    const now = [time.now()]
    await put('beats', present, ({ userId, at, stream }) => [userId, at, stream ?? ''])
    const left = (stream: string | null) => (stream === null ? 0 : (leftOf.get(stream) ?? FREEZE_MS))
    await put('attendance', attended, ([stream, userId]) => [stream ?? '', userId, left(stream)], now)
    await put('counting', streams, each => each, now)
    await put('viewing', viewing, ({ userId, start, end }) => [userId, start, end])
    await put('snapshots', snapshots, ({ key, seq, json }) => [key, seq, json])
    await put('actors', actors, ({ id, document }) => [id.replace('/', ':'), JSON.stringify({ _id: id, ...document })])
    for (const { at } of present) sweep.beat(at)
    await trim(partition, token)
  }

  /** Work that fails leaves the sets without its records: from then on the partition is lost. */
  const orLose = async (partition: number, token: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (tokens.get(partition) === token) tokens.delete(partition)
      throw error
    }
  }

  /** null while the sets are not whole */
  const read = async <T>(ask: (all: ReturnType<Redis['multi']>) => unknown): Promise<T | null> => {
    const all = redis.multi().get(GENERATION)
    ask(all)
    const answers = await all.exec().catch(failPlainly)
    const [known, asked] = (answers ?? []).map(([error, answer]) => (error ? failPlainly(error) : answer))
    return known === generation ? (asked as T) : null
  }

  return {
    isShared: true,
    async publish(partition, present, attended, other, cuts) {
      const token = tokens.get(partition)
      if (token === undefined) throw new LiveSetsLost(partition)
      await orLose(partition, token, async () => {
        await write(partition, token, { present, attended, ...other })
        if (cuts) await run('cuts', partition, token, [cuts.from, cuts.to])
      })
    },
    async rebuild(partition, source, cut) {
      const token = time.id()
      tokens.set(partition, token)
      await orLose(partition, token, async () => {
        await run('begin', partition, token)
        for await (const content of source) await write(partition, token, content)
        // Something published meanwhile failed.
        if (tokens.get(partition) !== token) throw new LiveSetsLost(partition)
        await run('finish', partition, token, cut === undefined ? [] : [cut])
      })
    },
    holds: async (partition, cut) => (await run('holds', partition, '', [cut])) === 1,
    async isCurrent(partition) {
      const token = tokens.get(partition)
      if (token === undefined) return false
      try {
        return (await run('isCurrent', partition, token)) === 1
      } catch (error) {
        if (error instanceof LiveSetsLost) return false
        throw error
      }
    },
    alive: (since, stream) =>
      read(all => all.zrangebyscore(keyOf('alive', ...(stream === undefined ? [] : [stream])), since, '+inf')),
    close: async () => redis.disconnect(),
  }
}
