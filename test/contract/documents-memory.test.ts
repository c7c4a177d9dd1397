import { memoryDocuments } from '../../src/documents/memory.ts'
import { ManualTime } from '../support/time.ts'
import { documentStoreContract, type OpenedDocuments } from './document-store.ts'
import { documentTracesContract } from './document-store-traces.ts'
import { statisticsSumsContract } from './statistics-sums.ts'

async function open(time = new ManualTime()): Promise<OpenedDocuments> {
  const store = memoryDocuments({ time })
  return { store, again: async () => store, destroy: () => store.close() }
}

documentStoreContract('in memory', open)
documentTracesContract('in memory', open)
statisticsSumsContract('in memory', open)
