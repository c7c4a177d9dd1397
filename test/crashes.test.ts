import { expect, test } from 'vitest'
import { KINDS } from '../actors/kinds.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import { History } from '../src/effects/history.ts'
import { Performer } from '../src/effects/performer.ts'
import type { Entry } from '../src/log/index.ts'
import { Meter } from '../src/observe/meter.ts'
import type { Point, Steps } from '../src/observe/steps.ts'
import { Committer } from '../src/partition/committer.ts'
import { Partition } from '../src/partition/partition.ts'
import { project } from '../src/partition/projections.ts'
import { recover } from '../src/partition/recovery.ts'
import { allRecords } from './support/all-records.ts'
import { INCARNATION } from './support/checkpoint-records.ts'
import { allDocuments } from './support/documents.ts'
import { history } from './support/history.ts'
import { type Random, seeded } from './support/random.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const FLUSH_MS = 1_000
const SNAPSHOTS = KINDS.map(({ kind }) => kind)
const rules = { zone: 'Europe/Paris', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }

/** What outlives a process, and the ids of all effects that the world saw. */
class World {
  readonly time = new ManualTime()
  readonly store = memoryCheckpoints()
  readonly documents = memoryDocuments({ time: this.time })
  readonly effects = new Set<string>()

  async remains() {
    const claim = await this.store.claim(0, 'test')
    const documents = [...(await allDocuments(this.documents))]
    return {
      records: await allRecords(this.store, claim),
      // When an effect was done is a matter of the crashes.
      documents: documents.map(([name, { doneAt: _, ...document }]) => [name, document]),
      effects: [...this.effects].sort(),
    }
  }
}

/** A process that dies when it has come to so many points of its work, or as often wrote documents. */
class Mortal {
  isDead = false
  /** hears of the death: work that is repeated until it is done would wait for ever */
  died = (_error: Error): void => {}
  #left: number
  readonly #diedAt: Set<Point | 'within documents'>

  constructor(points: number, diedAt: Set<Point | 'within documents'>) {
    this.#left = points
    this.#diedAt = diedAt
  }

  readonly steps: Steps = point => {
    if (this.isDead) throw new Error('dead')
    if (this.#left-- === 0) this.#die(point)
  }

  /** Documents of which some are written, and the others are not. */
  tearing(documents: DocumentStore): DocumentStore {
    return {
      ...documents,
      upsertMany: async (collection, upserts) => {
        const isTorn = this.#left-- === 0
        await documents.upsertMany(collection, isTorn ? upserts.slice(0, 1) : upserts)
        if (!isTorn) return
        this.#die('within documents')
      },
    }
  }

  #die(point: Point | 'within documents'): never {
    this.isDead = true
    this.#diedAt.add(point)
    const error = new Error('dead')
    this.died(error)
    throw error
  }
}

/** One process: goes on from what is durable, to the end of the log or its own. False: it died on the way. */
async function live({ time, store, documents, effects }: World, log: Entry[], random: Random | null, mortal: Mortal) {
  const partition = new Partition(await store.claim(0, 'test'), KINDS, rules, store, SNAPSHOTS)
  for (const { seq, writes } of await recover(partition, store)) {
    await project(documents, writes, seq)
    partition.projected(seq)
  }
  const { outbox } = partition
  const rest = { time, faults: toldFaults(), steps: mortal.steps }
  const committer = new Committer({
    ...{ partition, store, incarnation: INCARNATION, flushMs: FLUSH_MS, ...rest },
    documents: mortal.tearing(documents),
    committed: cut => performer.add(cut.effects),
    fatal: error => committer.stop(error),
  })
  mortal.died = error => committer.stop(error)
  const performer = new Performer({
    ...{ outbox, ...rest, meter: partition.meter },
    history: new History({ documents, partition: 0, meter: new Meter(), untilDone: (_step, work) => work() }),
    receiverOf: () => ({
      async perform({ id }) {
        effects.add(id)
        return { outcome: 'done' }
      },
    }),
    append: async () => {},
    done({ id }) {
      outbox.done(id)
      committer.poke()
    },
  })
  performer.open()
  performer.add(outbox.takeFresh())
  while (!mortal.isDead && partition.applied < log.length) {
    const next = log.slice(partition.applied, partition.applied + (random?.int(1, 5) ?? 1))
    if (!committer.isRunning && (random?.chance(0.5) ?? true)) partition.evict(0)
    await partition.prepare(next)
    for (const entry of next) partition.apply(entry)
    if (random === null || random.chance(0.3)) await committer.catchUp()
    else committer.poke()
  }
  await committer.catchUp()
  while (!mortal.isDead && outbox.size > 0) await time.advance(FLUSH_MS)
  await committer.drain()
  await performer.stop()
  return !mortal.isDead
}

test('a partition that crashes at any step ends as one that never did', { timeout: 120_000 }, async () => {
  const random = seeded('crashes')
  const diedAt = new Set<Point | 'within documents'>()
  const run = async (log: Entry[], random: Random | null) => {
    const world = new World()
    // Each may live twice as long, so that the end is reached.
    const points = (lives: number): number => random?.int(0, 10 * 2 ** lives) ?? Number.POSITIVE_INFINITY
    for (let lives = 0; !(await live(world, log, random, new Mortal(points(lives), diedAt))); lives++);
    return world.remains()
  }
  for (let round = 0; round < 150; round++) {
    const log = history(random, random.int(5, 60))
    expect(await run(log, random)).toEqual(await run(log, null))
  }
  const steps = ['checkpoint', 'documents', 'effect', 'account', 'mark'] as const
  const points = steps.flatMap((step): Point[] => [`before ${step}`, `after ${step}`])
  const missed = points.filter(point => !diedAt.has(point))
  expect([missed, diedAt.has('within documents')]).toEqual([[], true])
})
