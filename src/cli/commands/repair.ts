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
    const { Works } = await import('../../observe/work.ts')
    const { showWork } = await import('../looking/work.ts')
    const { systemTime } = await import('../../time.ts')
    const works = new Works(systemTime)
    const end = showWork(() => works.list)
    const faults = { report: (step: string, error: unknown) => console.error(`${step} failed:`, error) }
    try {
      const options = { acceptLoss: args['accept-loss'], works, faults }
      for await (const repaired of repair(readConfig(process.env), options)) {
        console.log(JSON.stringify(repaired))
        if (repaired.problem && !repaired.repaired) process.exitCode = 1
      }
    } finally {
      end()
    }
  },
})
