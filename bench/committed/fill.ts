import type { Event } from '../../actors/event.ts'
import { openLogEnvironment } from '../../src/lmdb/index.ts'
import { type Made, Tables } from '../../src/log/embedded/tables.ts'
import { encode } from '../../src/log/entries.ts'
import { partitionOf } from '../../src/log/partition-of.ts'
import { beatsOf, type Mix } from './mix.ts'

/** Makes a log of the mix: `node bench/committed/fill.ts PATH PARTITIONS USERS BEATS ENTRY`. */
const [path, ...numbers] = process.argv.slice(2)
const [partitions, users, beats, entry] = numbers.map(Number) as [number, number, number, number]
const mix: Mix = { users, beats, entry }

const made: Made = { incarnation: 'bench', partitions, settings: {} }
const env = openLogEnvironment(path!)
await env.openDB<Made, string>('meta', {}).put('log', made)
const tables = new Tables(env, made)
await tables.takeOver('bench')

const open: Event[][] = Array.from({ length: partitions }, () => [])
const lasts = new Uint32Array(partitions)
const ticked = new Float64Array(partitions)
let added: { partition: number; seq: number; value: Buffer }[] = []

async function close(partition: number): Promise<void> {
  const events = open[partition]!
  if (events.length === 0) return
  added.push({ partition, seq: ++lasts[partition]!, value: encode(events) })
  open[partition] = []
  if (added.length < 2_000) return
  await tables.add(added)
  added = []
}

for (const event of beatsOf(mix, Date.now())) {
  const partition = partitionOf(event.key, partitions)
  open[partition]!.push(event)
  if (open[partition]!.length < entry) continue
  await close(partition)
  // As its owner does: a word on what time it is, while there are deadlines, about once a second.
  if (event.at < ticked[partition]! + 1_000) continue
  ticked[partition] = event.at
  open[partition] = [{ kind: 'tick', key: '', id: '', at: event.at, arrival: event.at, epoch: 0 }]
  await close(partition)
}
for (let p = 0; p < partitions; p++) await close(p)
await tables.add(added)
await env.flushed
await tables.close()
