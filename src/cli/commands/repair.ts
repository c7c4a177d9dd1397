import { defineCommand } from 'citty'
import { onlyFlags } from './flags.ts'

const flags = {
  'accept-loss': {
    type: 'boolean',
    default: false,
    description: 'Also go on where accepted entries are lost by it; each line says which',
  },
} as const

export const repair = defineCommand({
  meta: { name: 'repair', description: 'Let partitions go on whose log does not fit their checkpoint' },
  args: flags,
  async run({ args }) {
    // The parser gives `accept-loss` in both spellings.
    onlyFlags(args, { ...flags, acceptLoss: true })
    const { readConfig } = await import('../../config.ts')
    const { repair } = await import('../../repair/index.ts')
    const faults = { report: (step: string, error: unknown) => console.error(`${step} failed:`, error) }
    for await (const repaired of repair(readConfig(process.env), { acceptLoss: args['accept-loss'], faults })) {
      console.log(JSON.stringify(repaired))
      if (repaired.problem && !repaired.repaired) process.exitCode = 1
    }
  },
})
