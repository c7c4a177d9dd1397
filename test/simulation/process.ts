import { Intake } from '../../src/bridge/intake.ts'
import { Limits } from '../../src/bridge/limits.ts'
import { Stamp } from '../../src/bridge/stamp.ts'
import { StreamerSessions } from '../../src/bridge/streamer-sessions.ts'
import { Turns } from '../../src/bridge/turns.ts'
import type { DocumentStore } from '../../src/documents/index.ts'
import { RollcallError } from '../../src/errors.ts'
import { type Append, appender } from '../../src/log/append.ts'
import type { EventLog } from '../../src/log/index.ts'
import { trimAll } from '../../src/log/trimming.ts'
import { type KnownHolder, thisHolder } from '../../src/observe/holder.ts'
import { adopt } from '../../src/ownership/adopt.ts'
import { Candidacy } from '../../src/ownership/candidacy.ts'
import { OwnerDirectory } from '../../src/ownership/directory.ts'
import type { Owner } from '../../src/ownership/index.ts'
import { LocalOwner } from '../../src/ownership/local.ts'
import { peek } from '../../src/ownership/peek.ts'
import { Standing } from '../../src/ownership/standing.ts'
import type { Shard } from '../../src/shard/supervisor.ts'
import { SteadyTime, systemTime } from '../../src/time.ts'
import { Life, timeOf } from './clock.ts'
import { Fate } from './fate.ts'
import { STREAMS } from './furniture.ts'
import { leaseDb } from './lease.ts'
import { PARTITIONS } from './places.ts'
import { reached } from './reached.ts'
import { RULES, type Shared, SimulatedShard } from './shard.ts'

/** After a silence of an owner for so long another process takes its place. */
const TAKE_OVER_MS = 5_000
/** A process that ended by itself is started again so soon. */
const RESTART_MS = 100

// Both make room for a hundred thousand callers at once, which takes longer than a history.
const limits = new Limits({ requests: 1, records: 1, bytes: 1 }, systemTime)
let stamped: DocumentStore
const stamp = new Stamp({ get: (collection, id) => stamped.get(collection, id) } as DocumentStore, ['/live/'])

/** A stamp that knows nothing yet. */
function stampOver(documents: DocumentStore): Stamp {
  stamped = documents
  for (const stream of STREAMS) stamp.forgetSession(stream)
  return stamp
}

/** A process: a bridge, and the partitions with it as soon as nobody else owns them. Killed, it can be started again. */
export class Process {
  readonly #shared: Shared
  readonly #shardCount: number
  /** its wall clock less the true time */
  skew = 0
  life = new Life()
  fate!: Fate
  #isKilled = false
  #shards: SimulatedShard[] = []
  #standing!: Standing
  #log!: EventLog
  #watch!: ReturnType<OwnerDirectory['watch']>
  #close!: () => Promise<void>
  append!: Append
  intake!: Intake
  streamers!: StreamerSessions
  directory!: OwnerDirectory

  constructor(shared: Shared, shardCount: number) {
    this.#shared = shared
    this.#shardCount = shardCount
    this.life.end()
  }

  get isUp(): boolean {
    return !this.life.isOver
  }

  /** The partitions' owner, if it is this process. */
  get owner(): LocalOwner | null {
    return this.isUp ? ((this.#standing.current.tenure?.owner as LocalOwner | undefined) ?? null) : null
  }

  start(): void {
    this.#isKilled = false
    const { clock, places, random, coverage, troubled, isAlone } = this.#shared
    const life = new Life()
    this.life = life
    this.fate = new Fate({ clock, random, coverage, troubled, crash: () => life.end() })
    this.#shards = []
    const time = new SteadyTime(timeOf(clock, life, () => this.skew))
    const faults = { report: this.#shared.fault }
    const { log, checkpoints, documents } = reached(places, life, this.fate, time)
    this.#log = log
    const settings = {
      ...{ partitions: PARTITIONS, lateMs: RULES.lateMs, historyMs: 7 * 86_400_000 },
      prices: { preview: 0, sd: 5 },
    }
    const others = isAlone ? null : this.#linked(life)
    const ownLog = { bounds: log.bounds, failing: () => null }
    const directory = new OwnerDirectory({
      ...{ partitions: PARTITIONS, others, log: ownLog, time, faults },
      known: () => 0,
      applied() {},
      heed: now => time.heed(now),
    })
    this.directory = directory
    const append = appender(log, PARTITIONS, (partition, events) => directory.refusalOf(partition, events))
    const parts = {
      settings,
      append,
      stamp: stampOver(places.documents),
      documents,
      directory,
      limits,
      turns: new Turns(time),
      time,
      faults,
    }
    this.append = append
    this.intake = new Intake(parts)
    this.streamers = new StreamerSessions(parts)

    const begin = async () => {
      const { made, now } = places.rules
      const rules = now === made ? undefined : now
      const steps = this.fate.stepsOf(life)
      await adopt({ log: log as never, store: checkpoints, documents, partitions: PARTITIONS, rules, time, steps })
      const lost = Promise.withResolvers<never>()
      lost.promise.catch(() => {})
      const numbers = Array.from({ length: this.#shardCount }, (_, shard) => shard)
      const shards = numbers.map(
        number =>
          new SimulatedShard({
            ...{ shared: this.#shared, process: life, fate: this.fate, skew: () => this.skew },
            partitions: Array.from({ length: PARTITIONS }, (_, p) => p).filter(p => p % this.#shardCount === number),
            fenced: () => lost.reject(new RollcallError('RC_FENCED')),
            stopped: (partition, { code, message }) => directory.learn([{ partition, stopped: { code, message } }]),
          }),
      )
      this.#shards = shards
      const owner = new LocalOwner(shards as unknown as Shard[], time)
      directory.passTo(owner)
      directory.learn(await peek(checkpoints, log, PARTITIONS, true))
      await directory.look()
      return {
        ...{ owner, lost: lost.promise },
        ready: async () => void (await Promise.all(shards.map(shard => shard.ready()))),
        close: async () => void (await Promise.all(shards.map(shard => shard.close()))),
      }
    }
    const ending = new AbortController()
    const db = isAlone ? null : leaseDb(places.lease, work => this.fate.reach(life, 'lease', work))
    const rest = { isOfUseBeside: true, takeOverMs: TAKE_OVER_MS, begin, time, faults, logger: { info() {} } }
    const told = { heldBy: (holder: KnownHolder | null) => directory.heldBy(holder), lag: async () => directory.lag }
    this.#standing = new Standing({
      stand: () => new Candidacy({ db, ...rest, ...told, holder: thisHolder(0) }, ending.signal),
      ...{ isOfUseBeside: true, time, lost: () => directory.passTo(null) },
    })
    // Such a process ends, and whoever watches over it starts it again.
    this.#standing.lost.catch(error => {
      if (!life.isOver) this.#shared.fault('ended', error)
      life.end()
      clock.after(RESTART_MS, () => this.life === life && !this.#isKilled && !ending.signal.aborted && this.start())
    })
    this.#watch = directory.watch()
    this.#close = async () => {
      ending.abort()
      directory.stopWaiting()
      this.stopLooking()
      await this.#standing.close()
      await log.close()
    }
  }

  /** The owner in whichever process it is, as others reach it. */
  #linked(life: Life): Owner {
    const ask = (name: keyof Owner, args: unknown[]): Promise<unknown> =>
      this.fate.reach(life, 'owner', async () => {
        const owner = this.#shared.owner()
        if (!owner) throw new RollcallError('RC_NO_OWNER')
        const asked = (owner[name] as (...args: unknown[]) => Promise<unknown>)(...args)
        return asked.finally(() => {
          // A process that died meanwhile has not answered.
          if (this.#shared.owner() !== owner) throw new RollcallError('RC_NO_OWNER')
        })
      })
    return new Proxy({} as Owner, {
      get:
        (_, name: keyof Owner) =>
        (...args: unknown[]) =>
          ask(name, args),
    })
  }

  /** Looks no more how the partitions are, which takes a good part of the time while nothing happens. */
  stopLooking(): void {
    this.#watch.close()
  }

  /** Forgets entries of the log that are in the checkpoints and came before that time, as an owner does each hour. */
  async trim(before: number): Promise<void> {
    const states = await Promise.all(this.#shards.map(shard => shard.call(control => control.status())))
    const cuts = new Map(states.flat().map(({ partition, cut }) => [partition, cut]))
    // The copies by which a verification would begin are nobody's business here.
    const isKept = async (): Promise<number> => Number.POSITIVE_INFINITY
    await trimAll(this.#log, cuts, before, isKept, this.fate.stepsOf(this.life))
  }

  /** As `kill -9` does. */
  kill(): void {
    this.#isKilled = true
    this.life.end()
  }

  /** As a crash of one of its threads does. */
  killShard(n: number): void {
    this.#shards[n % this.#shards.length]?.kill()
  }

  /** As SIGTERM does. */
  async close(): Promise<void> {
    const { life } = this
    await this.#close()
    life.end()
  }
}
