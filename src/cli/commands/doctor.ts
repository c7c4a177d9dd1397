import type { Finding } from '../../doctor/finding.ts'
import { command } from './command.ts'

export const doctor = command(
  {
    name: 'doctor',
    description: 'Look at all that Rollcall needs, change nothing; 1 when something is wrong',
    examples: ['rollcall doctor', 'ROLLCALL_DATA=/var/lib/rollcall rollcall doctor'],
  },
  {},
  async () => {
    const { diagnose } = await import('../../doctor/index.ts')
    const { say, sayJson } = await import('../looking/print.ts')
    for await (const finding of diagnose(process.env)) {
      if (process.stdout.isTTY) say(row(finding))
      else sayJson(finding)
      if (finding.state === 'wrong') process.exitCode = 1
    }
  },
)

const row = ({ check, state, text }: Finding): string => `${state.padEnd(8)}${check.padEnd(16)}${text}`
