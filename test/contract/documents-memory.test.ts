import { memoryDocuments } from '../../src/documents/memory.ts'
import { ManualTime } from '../support/time.ts'
import { documentStoreContract, type OpenedDocuments } from './document-store.ts'
import { documentLookupsContract } from './document-store-lookups.ts'
import { documentPatchesContract } from './document-store-patches.ts'
import { documentTracesContract } from './document-store-traces.ts'

async function open(time = new ManualTime()): Promise<OpenedDocuments> {
  const store = memoryDocuments({ time })
  return { store, again: async () => store, destroy: () => store.close() }
}

documentStoreContract('in memory', open)
documentPatchesContract('in memory', open)
documentLookupsContract('in memory', open)
documentTracesContract('in memory', open)
