import type { LiveSets } from './index.ts'
export const memoryLiveSets = (): LiveSets => ({ async publish() {}, async alive() { return [] }, async attendance() { return 0 }, async close() {} })
