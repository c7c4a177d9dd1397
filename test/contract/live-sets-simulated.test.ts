import { randomUUID } from 'node:crypto'
import { LiveModel, liveSets } from '../simulation/live.ts'
import { liveSetsContract } from './live-sets.ts'

const PARTITIONS = 16

liveSetsContract('as histories have them', async () => {
  const model = new LiveModel(PARTITIONS)
  const again = async () => liveSets(model, randomUUID, async work => work())
  const sets = await again()
  for (let partition = 0; partition < PARTITIONS; partition++) await sets.rebuild(partition, [])
  return { sets, again, destroy: async () => {} }
})
