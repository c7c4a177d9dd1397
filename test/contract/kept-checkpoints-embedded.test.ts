import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openCheckpoints } from '../../src/checkpoint/embedded/index.ts'
import { openKept } from '../../src/checkpoint/embedded/kept.ts'
import { peekAtCuts } from '../../src/checkpoint/embedded/peek.ts'
import { openStateEnvironment } from '../../src/lmdb/index.ts'
import { flipped } from '../support/flipped.ts'
import { keptCheckpointsContract } from './kept-checkpoints.ts'

keptCheckpointsContract('embedded', async () => {
  const path = mkdtempSync(join(tmpdir(), 'rollcall-kept-'))
  const store = openCheckpoints(join(path, 'state'))
  // The file is there from the first write on.
  await store.claim(99, 'test')
  const [cuts, slices] = [peekAtCuts(join(path, 'state'), { readOnly: false }), openKept(join(path, 'kept'))]
  return {
    ...{ store, cuts, slices },
    damage: (partition, slot) => slices.write(partition, slot, 0, Buffer.from('something else')),
    async destroy() {
      await Promise.all([store.close(), cuts.close(), slices.close()])
      rmSync(path, { recursive: true })
    },
  }
})

test('a copy whose head is not as it was written is none, and its slot is free', async () => {
  const path = mkdtempSync(join(tmpdir(), 'rollcall-kept-'))
  const slices = openKept(path)
  const env = openStateEnvironment(path)
  const heads = env.openDB<Buffer, number[]>('kept', { encoding: 'binary' })
  const head = { slot: 0, cut: 300, incarnation: 'one', mark: 'm', at: 1 }
  await slices.finish(0, head)
  const written = heads.get([0, 0, -1])!
  for (let bit = 0; bit < written.length * 8; bit++) {
    await heads.put([0, 0, -1], flipped(written, bit))
    expect(await slices.heads(0), `bit ${bit}`).toEqual([])
  }
  await heads.put([0, 0, -1], written)
  expect(await slices.heads(0)).toEqual([head])
  await Promise.all([slices.close(), env.close()])
  rmSync(path, { recursive: true })
})
