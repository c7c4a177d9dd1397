/** Copies in Redis, held against the state that the log makes. They are behind the commits, and may be lost. */
import type { Redis } from 'ioredis'
import { viewer } from '../../actors/viewer.ts'
import { aliveSince } from '../audience/alive.ts'
import { keyOf } from '../audience/redis.ts'
import type { CheckpointStore, Claim } from '../checkpoint/index.ts'
import type { DocumentPeek } from '../documents/peek.ts'
import { partitionOf } from '../log/partition-of.ts'
import { Transitions } from '../partition/transitions.ts'
import type { Time } from '../time.ts'
import type { Checked } from './checked.ts'
import { unlike } from './unlike.ts'

const WITHIN_MS = 3_000
const AT_ONCE = 500
/** News of a cut are published soon behind it. */
const LOOKS = 5
const LOOK_MS = 1_000
const NAMES = { alive: keyOf('alive'), watching: keyOf('watching'), attendance: keyOf('attendance') }

export interface LiveOptions {
  url: string
  /** of the log */
  generation: string
  partitions: number
  store: CheckpointStore
  documents: DocumentPeek
  checked: readonly Checked[]
  time: Time
  /** Says what was passed over. */
  note(text: string): void
}

type Answer = (string | number | null)[]

interface Viewer {
  userId: string
  at: number
  stream: string | null
  isCounted: boolean
}

/** Compares what Redis holds of all partitions that were derived. */
export async function compareLive(options: LiveOptions): Promise<void> {
  const { url, generation, note } = options
  const { Redis } = await import('ioredis')
  const settings = { lazyConnect: true, retryStrategy: () => null, connectTimeout: WITHIN_MS, maxRetriesPerRequest: 0 }
  const redis = new Redis(url, { ...settings, commandTimeout: WITHIN_MS })
  redis.on('error', () => {})
  try {
    await redis.connect()
    if ((await redis.get(keyOf('generation'))) !== generation) {
      note('the live sets in Redis are not whole, and are rebuilt by whoever owns the partitions: they are passed over')
      return
    }
    const live = new Live(redis, options)
    for (const checked of options.checked) if (checked.start !== null) await live.partition(checked)
    await live.strangers()
  } catch (error) {
    note(`Redis gives no answer, and is passed over: ${(error as Error).message}`)
  } finally {
    redis.disconnect()
  }
}

class Live {
  readonly #redis: Redis
  readonly #options: LiveOptions
  readonly #transitions = new Transitions()
  /** of partitions of which the sets hold exactly the state that was derived */
  readonly #exact = new Map<number, Claim>()
  #outdated = 0

  constructor(redis: Redis, options: LiveOptions) {
    this.#redis = redis
    this.#options = options
  }

  /** The cut up to which Redis was told. */
  async #heldOf(partition: number): Promise<number> {
    return Number(await this.#redis.hget(keyOf('rebuild'), `held/${partition}`))
  }

  async partition(checked: Checked): Promise<void> {
    const { time, store, note } = this.#options
    const partition = checked.partition!
    let held = await this.#heldOf(partition)
    for (let look = 0; held < checked.cut && look < LOOKS; look++) {
      await time.sleep(LOOK_MS)
      held = await this.#heldOf(partition)
    }
    if (held < checked.cut) {
      note(`partition ${partition}: Redis was told up to entry ${held} alone, the rest is published at the next start`)
      return
    }
    const claim = await store.claim(partition, 'verify')
    const differing = await this.#compare(claim)
    if ((await this.#heldOf(partition)) === checked.cut) this.#exact.set(partition, claim)
    if (this.#exact.has(partition)) for (const [name, text] of differing) checked.tell({ of: 'copy', name, text })
    else for (const [name, text] of differing) if (!text.startsWith(NEWER)) checked.tell({ of: 'copy', name, text })
    await this.#actors(checked)
  }

  async #compare(claim: Claim): Promise<[name: string, text: string][]> {
    const found: [name: string, text: string][] = []
    let some: Viewer[] = []
    for await (const { names, value } of this.#options.store.load(claim, [{ space: 'actor', names: [viewer.kind] }])) {
      const { context } = this.#transitions.restore(viewer, value)
      const presence = viewer.presence(context)
      if (presence) some.push({ userId: names[1]!, ...presence, isCounted: viewer.attended(context) !== null })
      if (some.length < AT_ONCE) continue
      found.push(...(await this.#viewers(some)))
      some = []
    }
    return [...found, ...(await this.#viewers(some))]
  }

  async #viewers(viewers: readonly Viewer[]): Promise<[name: string, text: string][]> {
    if (viewers.length === 0) return []
    const users = viewers.map(({ userId }) => userId)
    const asked = this.#redis
      .multi()
      .zmscore(NAMES.alive, ...users)
      .hmget(NAMES.watching, ...users)
    asked.smismember(NAMES.attendance, ...users).zrevrange(NAMES.alive, 0, 0, 'WITHSCORES')
    const answers = (await asked.exec())!.map(([error, answer]) => {
      if (error) throw error
      return answer as Answer
    })
    const [scores, streams, attended, [, newest]] = answers as [Answer, Answer, Answer, Answer]
    return viewers.flatMap(({ userId, at, stream, isCounted }, i): [string, string][] => {
      const texts: [string, string][] = []
      if (isCounted && attended[i] !== 1) texts.push([`attendance ${userId}`, 'is not there'])
      const score = scores[i] === null ? null : Number(scores[i])
      // Viewers who are no longer alive may have left.
      if (score === null) {
        if (at >= aliveSince(Number(newest ?? 0))) texts.push([`alive ${userId}`, 'is not there'])
      } else if (score !== at)
        texts.push([`alive ${userId}`, `${score > at ? NEWER : 'it is'} ${score}, should be ${at}`])
      else if ((streams[i] ?? null) !== stream) texts.push([`watching ${userId}`, unlike(streams[i] ?? null, stream)])
      return texts
    })
  }

  /** Copies of snapshots, as far as they are there: they go after a day. */
  async #actors(checked: Checked): Promise<void> {
    const { documents } = this.#options
    for await (const found of documents.all('actors')) {
      const own = found.flatMap(({ document }) => (document?.partition === checked.partition ? [document] : []))
      if (own.length === 0) continue
      const copies = await this.#redis.mget(own.map(({ _id }) => keyOf('actor', _id.replace('/', ':'))))
      for (const [i, json] of copies.entries()) {
        if (json === null) continue
        const copy = JSON.parse(json)
        if (copy.seq > checked.cut) continue
        // An owner that was killed before it had published a snapshot leaves the one before, which goes within a day.
        if (copy.seq < Number(own[i]!.seq)) {
          this.#outdated++
          continue
        }
        const text = unlike(copy, JSON.parse(JSON.stringify(own[i])))
        if (text) checked.tell({ of: 'copy', name: `actor ${own[i]!._id}`, text })
      }
    }
  }

  /** Looks for members that no partition knows of. */
  async strangers(): Promise<void> {
    if (this.#outdated > 0)
      this.#options.note(
        `${this.#outdated} snapshots in Redis are older than their actors, as an owner leaves them that is killed`,
      )
    for (const name of ['attendance', 'alive'] as const) {
      const scan = name === 'alive' ? this.#redis.zscanStream(NAMES.alive) : this.#redis.sscanStream(NAMES.attendance)
      for await (const members of scan as AsyncIterable<string[]>) {
        const users = name === 'alive' ? members.filter((_, i) => i % 2 === 0) : members
        for (const user of users) await this.#stranger(name, user)
      }
    }
  }

  async #stranger(name: string, user: string): Promise<void> {
    const { store, checked, partitions } = this.#options
    const partition = partitionOf(user, partitions)
    const claim = this.#exact.get(partition)
    if (!claim) return
    for await (const _ of store.load(claim, [{ space: 'actor', names: [viewer.kind, user, ''] }])) return
    checked[partition]!.tell({ of: 'copy', name: `${name} ${user}`, text: 'should not be there' })
  }
}

/** How a copy is told that may be of a beat since. */
const NEWER = 'newer, it is'
