/** The command line. A subcommand is a file in `commands/`, and what it runs is imported when it runs. */
import { defineCommand, runCommand, runMain, showUsage } from 'citty'
import { RollcallError } from '../errors.ts'
import { isOfLmdb } from '../lmdb/readable.ts'

const commandLine = (version: string) =>
  defineCommand({
    meta: { name: 'rollcall', version, description: 'Who is live, who is watching, and what every visit was' },
    subCommands: {
      serve: () => import('./commands/serve.ts').then(module => module.serve),
      replay: () => import('./commands/replay.ts').then(module => module.replay),
      simulate: () => import('./commands/simulate.ts').then(module => module.simulate),
      actors: () => import('./commands/actors.ts').then(module => module.actors),
      inspect: () => import('./commands/inspect.ts').then(module => module.inspect),
      feed: () => import('./commands/feed.ts').then(module => module.feed),
      repair: () => import('./commands/repair.ts').then(module => module.repair),
      recompute: () => import('./commands/recompute.ts').then(module => module.recompute),
      rewind: () => import('./commands/recompute.ts').then(module => module.recompute),
      verify: () => import('./commands/verify.ts').then(module => module.verify),
      doctor: () => import('./commands/doctor.ts').then(module => module.doctor),
    },
  })

const ASKS_FOR_HELP = new Set(['--help', '-h', '--version', '-v'])

export async function main(rawArgs: string[], version: string): Promise<void> {
  process.stdout.on('error', leaveWhenNobodyReads)
  const command = commandLine(version)
  if (rawArgs.some(arg => ASKS_FOR_HELP.has(arg))) return runMain(command, { rawArgs })
  try {
    await runCommand(command, { rawArgs })
  } catch (error) {
    process.exitCode = 1
    console.error(describe(error))
    if (hasCode(error, 'E_NO_COMMAND')) await showUsage(command)
  }
}

/** An error as a person reads it: with a stack only where the program itself is at fault. */
export function describe(error: unknown): string {
  if (error instanceof RollcallError) {
    const faults = (error.faults ?? []).map(fault => `  ${fault.path}: ${fault.message} (${fault.code})`)
    return [`${error.code}: ${error.message}`, ...faults].join('\n')
  }
  if (!(error instanceof Error)) return String(error)
  if (isOfLmdb(error))
    return `RC_DATA_DIR_UNUSABLE: A file of the data directory cannot be read: ${error.message}; rollcall doctor says what helps.`
  if (error.name === 'CLIError') return `${error.message}\nrollcall --help lists the commands and their options.`
  return 'syscall' in error ? error.message : (error.stack ?? error.message)
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && (error as { code?: unknown }).code === code

/** Ends with 1 when nobody is left to write to, as with `rollcall … | head`: the work is not done. */
function leaveWhenNobodyReads(error: Error): void {
  if (!hasCode(error, 'EPIPE')) throw error
  process.exit(1)
}
