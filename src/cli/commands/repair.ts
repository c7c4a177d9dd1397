import { command } from './command.ts'

const flags = {
  'accept-loss': {
    type: 'boolean',
    default: false,
    description: 'Also go on where accepted entries are lost by it; each line says which',
  },
} as const

export const repair = command(
  {
    name: 'repair',
    description: 'Let partitions go on whose log does not fit their checkpoint; no server may run',
    examples: ['rollcall repair', 'rollcall repair --accept-loss'],
  },
  flags,
  async ({ args }) => {
    const { readConfig } = await import('../../config.ts')
    const { repair } = await import('../../repair/index.ts')
    const { failures, sayJson } = await import('../looking/print.ts')
    const { Works } = await import('../../observe/work.ts')
    const { showWork } = await import('../looking/work.ts')
    const { systemTime } = await import('../../time.ts')
    const works = new Works(systemTime)
    const end = showWork(() => works.list)
    try {
      const options = { acceptLoss: args['accept-loss'], works, faults: failures }
      for await (const repaired of repair(readConfig(process.env), options)) {
        sayJson(repaired)
        if (repaired.problem && !repaired.repaired) process.exitCode = 1
      }
    } finally {
      end()
    }
  },
)
