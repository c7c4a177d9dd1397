import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import { checkpointContract } from './checkpoint-store.ts'

checkpointContract('in memory', async () => {
  const store = memoryCheckpoints()
  return {
    ...{ store, again: async () => store, destroy: () => store.close() },
    flip: async (partition, record, bit) => store.flip(partition, record, bit),
  }
})
