import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openCheckpoints } from '../../src/checkpoint/embedded.ts'
import { load } from '../support/checkpoint-records.ts'
import { seeded } from '../support/random.ts'
import { untilKilled } from '../support/until-killed.ts'
import { checkpointContract, type OpenedCheckpoints } from './checkpoint-store.ts'

const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'rollcall-checkpoint-'))

async function openEmbedded(): Promise<OpenedCheckpoints> {
  const path = temporaryDirectory()
  const stores = [openCheckpoints(path)]
  return {
    store: stores[0]!,
    again: async () => {
      stores.push(openCheckpoints(path))
      return stores.at(-1)!
    },
    destroy: async () => {
      for (const store of stores) await store.close()
      rmSync(path, { recursive: true })
    },
  }
}

checkpointContract('embedded', openEmbedded)

test('a commit to the embedded checkpoint store is there whole or not at all after kill -9', async () => {
  const random = seeded('kill -9 while committing')
  const path = temporaryDirectory()
  for (let round = 0; round < 10; round++) {
    const acknowledged = await untilKilled('commit-until-killed.ts', [path], random)
    const store = openCheckpoints(path)
    const claim = await store.claim(0, 'after')
    const records = await load(store, claim, { space: 'actor', names: [] })
    await store.close()
    const cuts = records.map(({ value }) => (value as { cut: number }).cut)
    expect(claim.cut).toBeGreaterThanOrEqual(Number(acknowledged.at(-1)))
    expect(cuts).toEqual(Array(200).fill(claim.cut))
  }
  rmSync(path, { recursive: true })
})
