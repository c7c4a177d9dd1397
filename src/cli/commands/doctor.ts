import { defineCommand } from 'citty'
import type { Finding } from '../../doctor/finding.ts'
import { noFlags } from './flags.ts'

export const doctor = defineCommand({
  meta: { name: 'doctor', description: 'Look at all that Rollcall needs, change nothing; 1 when something is wrong' },
  async run({ args }) {
    noFlags(args)
    const { diagnose } = await import('../../doctor/index.ts')
    const shown = process.stdout.isTTY ? row : JSON.stringify
    for await (const finding of diagnose(process.env)) {
      console.log(shown(finding))
      if (finding.state === 'wrong') process.exitCode = 1
    }
  },
})

const row = ({ check, state, text }: Finding): string => `${state.padEnd(8)}${check.padEnd(16)}${text}`
