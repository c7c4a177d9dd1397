import { describe, expect, test } from 'vitest'
import { KINDS } from '../actors/kinds.ts'
import { memoryCheckpoints } from '../src/checkpoint/memory.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import type { Entry } from '../src/log/index.ts'
import type { Cut } from '../src/partition/cut.ts'
import { Partition } from '../src/partition/partition.ts'
import { project } from '../src/partition/projections.ts'
import { recover } from '../src/partition/recovery.ts'
import { allRecords } from './support/all-records.ts'
import { INCARNATION } from './support/checkpoint-records.ts'
import { allDocuments } from './support/documents.ts'
import { history } from './support/history.ts'
import { type Random, seeded } from './support/random.ts'
import { ManualTime } from './support/time.ts'

const rules = { zone: 'Europe/Paris', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }

/** What is left when a log was applied: documents, state, and the ids of all effects the world saw. */
interface Outcome {
  documents: object
  state: object
  effects: string[]
}

const STEPS = ['commit', 'documents', 'effects', 'mark'] as const

/** Runs the log to its end; `random` decides how much goes into a commit and at which step of it the process dies. */
async function run(log: Entry[], random: Random | null): Promise<Outcome> {
  const store = memoryCheckpoints()
  const documents = memoryDocuments({ time: new ManualTime() })
  const effects = new Set<string>()
  const dies = (): boolean => random?.chance(0.12) ?? false

  /** False when the process died on the way. */
  const commit = async (partition: Partition): Promise<boolean> => {
    const cut: Cut = partition.take()
    for (const step of STEPS) {
      if (dies()) return false
      if (step === 'commit') await store.commit(partition.claim, cut.seq, { incarnation: INCARNATION, ...cut.delta })
      if (step === 'documents') {
        const torn = dies()
        await project(documents, torn ? cut.writes.slice(0, 1) : cut.writes, cut.seq)
        if (torn) return false
        partition.projected(cut.seq)
      }
      if (step === 'effects') for (const { id } of cut.effects) effects.add(id)
      if (step === 'mark') for (const { id } of cut.effects) partition.outbox.done(id)
    }
    return true
  }

  for (;;) {
    const partition = new Partition(await store.claim(0, 'test'), KINDS, rules, store)
    for (const { seq, writes } of await recover(partition, store)) {
      await project(documents, writes, seq)
      partition.projected(seq)
    }
    let alive = true
    while (alive && partition.applied < log.length) {
      const next = log.slice(partition.applied, partition.applied + (random?.int(1, 5) ?? 1))
      if (random?.chance(0.5) ?? true) partition.evict(0)
      await partition.prepare(next)
      for (const entry of next) partition.apply(entry)
      if (random === null || random.chance(0.5)) alive = await commit(partition)
    }
    if (alive && (await commit(partition)) && (await commit(partition))) break
  }
  const state = await allRecords(store, await store.claim(0, 'test'))
  return { documents: await allDocuments(documents), state, effects: [...effects].sort() }
}

describe('a partition that crashes at any step of its commits', () => {
  test('ends with the documents, the state and the effects of one that never did', { timeout: 120_000 }, async () => {
    const random = seeded('crashes')
    for (let round = 0; round < 300; round++) {
      const log = history(random, random.int(5, 60))
      expect(await run(log, random)).toEqual(await run(log, null))
    }
  })
})
