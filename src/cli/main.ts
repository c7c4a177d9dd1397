/** The command line. A subcommand is a file in `commands/`, and what it runs is imported when it runs. */
import { stripVTControlCharacters } from 'node:util'
import { type CommandDef, defineCommand, renderUsage, runCommand } from 'citty'
import { isCode, RollcallError } from '../errors.ts'
import { isOfLmdb } from '../lmdb/readable.ts'
import { UsageError } from './commands/flags.ts'
import { complain, say } from './looking/print.ts'

/** A command of any arguments. */
// biome-ignore lint/suspicious/noExplicitAny: commands with different arguments have no type in common
type Command = CommandDef<any>

const COMMANDS: Record<string, () => Promise<Command>> = {
  serve: () => import('./commands/serve.ts').then(module => module.serve),
  top: () => import('./commands/top.ts').then(module => module.top),
  viewers: () => import('./commands/viewers.ts').then(module => module.viewers),
  sessions: () => import('./commands/sessions.ts').then(module => module.sessions),
  visits: () => import('./commands/visits.ts').then(module => module.visits),
  feed: () => import('./commands/feed.ts').then(module => module.feed),
  effects: () => import('./commands/effects.ts').then(module => module.effects),
  actors: () => import('./commands/actors.ts').then(module => module.actors),
  inspect: () => import('./commands/inspect.ts').then(module => module.inspect),
  owner: () => import('./commands/owner.ts').then(module => module.owner),
  replay: () => import('./commands/replay.ts').then(module => module.replay),
  simulate: () => import('./commands/simulate.ts').then(module => module.simulate),
  doctor: () => import('./commands/doctor.ts').then(module => module.doctor),
  verify: () => import('./commands/verify.ts').then(module => module.verify),
  repair: () => import('./commands/repair.ts').then(module => module.repair),
  recompute: () => import('./commands/recompute.ts').then(module => module.recompute),
  rewind: () => import('./commands/recompute.ts').then(module => module.recompute),
}

const [FAILED, MISUSED] = [1, 2]

export async function main(rawArgs: string[], version: string): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', leaveWhenNobodyReads)
  const description = 'Who is live, who is watching, and what every visit was'
  const all = defineCommand({ meta: { name: 'rollcall', version, description }, subCommands: COMMANDS })
  const [first] = rawArgs
  const words = rawArgs.includes('--') ? rawArgs.slice(0, rawArgs.indexOf('--')) : rawArgs
  try {
    if (first === '--version' || first === '-v') return say(version)
    if (words.includes('--help') || words.includes('-h')) return await help(all, first)
    if (first === undefined) {
      process.exitCode = MISUSED
      complain(await usage(all))
      return
    }
    if (!Object.hasOwn(COMMANDS, first)) throw unknown(first)
    await runCommand(all, { rawArgs })
  } catch (error) {
    process.exitCode = isMisuse(error) ? MISUSED : FAILED
    complain(describe(error, first))
  }
}

const unknown = (word: string): UsageError =>
  new UsageError(`there is no ${word.startsWith('-') ? word : `command '${word}'`} here`)

/** How all of it is used, or a command. */
async function help(all: Command, name: string | undefined): Promise<void> {
  if (name === '--help' || name === '-h') return say(await usage(all))
  if (name === undefined || !Object.hasOwn(COMMANDS, name)) throw unknown(name ?? '')
  say(await usage(await COMMANDS[name]!(), all))
}

async function usage(command: Command, parent?: Command): Promise<string> {
  const text = stripVTControlCharacters(await renderUsage(command, parent)).trimEnd()
  const { examples = [] } = (command.meta ?? {}) as { examples?: readonly string[] }
  return examples.length === 0 ? text : [text, '', 'EXAMPLES', '', ...examples.map(each => `  ${each}`)].join('\n')
}

/** A server that is asked for what there cannot be was asked so by these arguments. */
const isMisuse = (error: unknown): boolean =>
  isCode(error, 'RC_INVALID_INPUT') || (error instanceof Error && error.name === 'CLIError')

/** An error of a command as a person reads it: with a stack only where the program itself is at fault. */
export function describe(error: unknown, name = ''): string {
  if (error instanceof RollcallError) {
    const faults = (error.faults ?? []).map(fault => `  ${fault.path}: ${fault.message} (${fault.code})`)
    const help = error instanceof UsageError ? [helpOn(name)] : []
    return [`${error.code}: ${error.message}`, ...faults, ...help].join('\n')
  }
  if (!(error instanceof Error)) return String(error)
  if (isOfLmdb(error))
    return `RC_DATA_DIR_UNUSABLE: A file of the data directory cannot be read: ${error.message}; rollcall doctor says what helps.`
  if (error.name === 'CLIError') return `${stripVTControlCharacters(error.message)}\n${helpOn(name)}`
  return 'syscall' in error ? error.message : (error.stack ?? error.message)
}

const helpOn = (name: string): string =>
  Object.hasOwn(COMMANDS, name)
    ? `rollcall ${name} --help lists its options.`
    : 'rollcall --help lists the commands, and rollcall COMMAND --help their options.'

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && (error as { code?: unknown }).code === code

/** Ends with 1 when nobody is left to write to, as with `rollcall … | head`: the work is not done. */
function leaveWhenNobodyReads(error: Error): void {
  if (!hasCode(error, 'EPIPE')) throw error
  process.exit(FAILED)
}
