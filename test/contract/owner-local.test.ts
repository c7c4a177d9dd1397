import { ownerContract } from './owner.ts'

ownerContract('in its own process', async ({ owner }) => ({ owner, close: async () => {} }))
