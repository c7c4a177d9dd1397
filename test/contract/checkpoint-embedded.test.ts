import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openCheckpoints } from '../../src/checkpoint/embedded/index.ts'
import { peekAtCuts } from '../../src/checkpoint/embedded/peek.ts'
import { openStateEnvironment } from '../../src/lmdb/index.ts'
import { actors, delta, load } from '../support/checkpoint-records.ts'
import { flipInState } from '../support/flipped.ts'
import { flipAllPieces } from '../support/flipped-blobs.ts'
import { seeded } from '../support/random.ts'
import { untilKilled } from '../support/until-killed.ts'
import { checkpointContract, type OpenedCheckpoints } from './checkpoint-store.ts'

const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'rollcall-checkpoint-'))

async function openEmbedded(): Promise<OpenedCheckpoints> {
  const path = temporaryDirectory()
  const stores = [openCheckpoints(path)]
  return {
    store: stores[0]!,
    flip: async (partition, _record, bit) => void (await flipAllPieces(path, partition, bit)),
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

test('a manifest that is not as it was written is named at the claim and to who looks', async () => {
  const path = temporaryDirectory()
  for (const bit of [2, 9, 40, 100, 200]) {
    const store = openCheckpoints(path)
    await store.commit(await store.claim(bit, 'first'), 7, delta([]))
    await flipInState(path, 'checkpoint', [bit, 'manifest'], bit)
    const damage = {
      code: 'RC_CHECKPOINT_CORRUPT',
      message: expect.stringMatching(new RegExp(`^Partition ${bit}: the manifest `)),
    }
    await expect(store.claim(bit, 'second')).rejects.toMatchObject(damage)
    await expect(store.peek(bit)).rejects.toMatchObject(damage)
    await store.close()
    const cuts = peekAtCuts(path)
    await expect(cuts.of(bit)).rejects.toMatchObject(damage)
    await cuts.close()
  }
  rmSync(path, { recursive: true })
})

test('a piece that stands in the place of another one is not taken for it', async () => {
  const path = temporaryDirectory()
  const store = openCheckpoints(path)
  const claim = await store.claim(0, 'first')
  for (const cut of [7, 8]) await store.commit(claim, cut, delta(actors(2, cut)))
  const env = openStateEnvironment(path)
  const table = env.openDB<Buffer, (string | number)[]>('checkpoint', { useVersions: true, encoding: 'binary' })
  const [one, other] = [...table.getKeys({ start: [0, 'blobs'], end: [0, 'blobs\0'] })] as [string[], string[]]
  await table.put(other, table.get(one)!, 0)
  await env.close()
  const named = { message: expect.stringContaining(`piece 0/${other.slice(2).join('/')} `) }
  await expect(store.claim(0, 'second')).rejects.toMatchObject(named)
  await store.close()
  rmSync(path, { recursive: true })
})

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
