import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CheckpointRecord } from '../src/checkpoint/index.ts'
import { ActorRecords } from '../src/verify/actor-records.ts'
import { put } from './support/checkpoint-records.ts'
import { seeded } from './support/random.ts'

test('records of actors are gathered by actor, the snapshot first, in whatever order they come', async () => {
  const random = seeded('records of actors')
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-actors-'))
  const parts = [[''], ['day', '1', ''], ['day', '2', ''], ['ratings', 'x']]
  const keys = ['a', 'ab', 'é'.repeat(900), ...Array.from({ length: 700 }, (_, i) => `v${i}`)]
  const all = keys.flatMap(key => parts.map(part => put('actor', ['visitor', key, ...part], key)))
  const mixed = all.map(record => ({ record, at: random.next() })).sort((a, b) => a.at - b.at)
  const actors = new ActorRecords(folder)
  const records = async function* (): AsyncGenerator<CheckpointRecord> {
    yield* mixed.map(({ record }) => record)
  }
  const found: CheckpointRecord[][] = []
  for await (const actor of actors.gathered(3, records())) found.push(actor)
  for await (const actor of actors.gathered(4, records())) found.push(actor)
  expect(found.length).toBe(2 * keys.length)
  for (const own of found) {
    expect([new Set(own.map(({ names }) => names[1])).size, own.length, own[0]!.names[2]]).toEqual([1, 4, ''])
    expect(own).toEqual(expect.arrayContaining(all.filter(({ names }) => names[1] === own[0]!.names[1])))
  }
  await actors.close()
  rmSync(folder, { recursive: true })
})
