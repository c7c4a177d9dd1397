import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoints } from '../../src/checkpoint/embedded.ts'
import { openKept } from '../../src/checkpoint/kept.ts'
import { peekAtCuts } from '../../src/checkpoint/peek.ts'
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
