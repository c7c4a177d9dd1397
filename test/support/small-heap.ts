import { parentPort } from 'node:worker_threads'
import { KINDS } from '../../actors/kinds.ts'
import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import { bytesOfPartition } from '../../src/partition/memory.ts'
import { Partition } from '../../src/partition/partition.ts'
import { recover } from '../../src/partition/recovery.ts'

/** A thread with one partition, whose checkpoint takes all and keeps nothing; viewers come until its heap would be full. */
const [NOON, VIEWERS] = [Date.UTC(2026, 0, 1, 12), 45_000]
const rules = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }
const store = { ...memoryCheckpoints(), async *load() {}, commit: async () => 0 }
const partition = new Partition(await store.claim(0, 'test'), KINDS, rules, store, [], bytesOfPartition(1))
await recover(partition, store)
for (let n = 0; n < 2 * VIEWERS; n += 1_000) {
  const at = NOON + Math.floor(n / VIEWERS) * 150_000
  const events = Array.from({ length: 1_000 }, (_, i) => ({
    ...{ kind: 'heartbeat', key: `user-${(n + i) % VIEWERS}`, id: '', at, arrival: at },
    ...{ path: `/live/${i % 100}`, stream: `${i % 100}`, country: 'TW', groups: ['free'] },
  }))
  const entry = { seq: partition.applied + 1, events }
  await partition.prepare([entry])
  partition.apply(entry)
  partition.projected(partition.take().seq)
  partition.evict(0)
}
const left = partition.meter.read().find(({ name }) => name === 'rollcall_passivations_total')!.value
parentPort!.postMessage({ left, resident: partition.residents.counts.get('viewer') })
