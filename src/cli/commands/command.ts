import { type ArgDef, type ArgsDef, type CommandContext, type CommandDef, defineCommand } from 'citty'
import { UsageError } from './flags.ts'

declare module 'citty' {
  interface CommandMeta {
    /** shown by --help, as they are typed */
    examples?: readonly string[]
  }
}

interface Described {
  name: string
  description: string
  examples: readonly [string, ...string[]]
}

/** A command, which is not run where it was called in another way than its arguments say. */
export function command<const T extends ArgsDef>(
  { takesMore = false, ...meta }: Described & { takesMore?: boolean },
  args: T,
  run: NonNullable<CommandDef<T>['run']>,
): CommandDef<T> {
  return defineCommand<T>({
    meta,
    args,
    run(context) {
      mustBeKnown(context.args, args)
      mustHaveValues(context.rawArgs, args)
      mustBeWords(context, args, takesMore)
      return run(context)
    },
  })
}

/** A mistyped flag must not pass for one that was left out: `--ulr` would replay into another place. */
function mustBeKnown(given: object, args: ArgsDef): void {
  // The parser gives `accept-loss` in both spellings.
  const known = new Set(['_', ...Object.keys(args).flatMap(name => [name, camelCase(name)])])
  const unknown = Object.keys(given).filter(name => !known.has(name))
  if (unknown.length > 0) throw new UsageError(`there is no ${unknown.map(dashed).join(', ')} here`)
}

/** The parser would take the next flag for the value, or nothing. */
function mustHaveValues(raw: readonly string[], args: ArgsDef): void {
  for (const [i, argument] of raw.entries()) {
    if (argument === '--') return
    const [, name = '', value] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? []
    const { type } = args[name] ?? (args[kebabCase(name)] as ArgDef | undefined) ?? {}
    if (type === 'boolean' && value !== undefined) throw new UsageError(`--${name} takes no value`)
    if (type !== 'string') continue
    const given = value ?? raw[i + 1] ?? ''
    if (given === '' || (value === undefined && given.startsWith('--'))) throw new UsageError(`--${name} takes a value`)
  }
}

type Called = Pick<CommandContext, 'rawArgs'> & { args: { _: readonly string[] } }

function mustBeWords({ rawArgs, args: { _: given } }: Called, args: ArgsDef, takesMore: boolean): void {
  const wanted = Object.entries(args).flatMap(([name, { type }]) => (type === 'positional' ? [`<${name}>`] : []))
  const isRight = takesMore ? given.length >= wanted.length : given.length === wanted.length
  if (isRight && given.every(word => word !== '')) return
  // A token that was typed with `Bearer` before it is a word here, and no secret is repeated.
  const isSecret = rawArgs.some(argument => /^--token\b/.test(argument))
  const words = isSecret ? `${given.length} words` : `'${given.join(' ')}'`
  if (wanted.length === 0) throw new UsageError(`${words} is more than this command takes`)
  throw new UsageError(`the operands of this command are ${wanted.join(' ')}, not ${words}`)
}

const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
const kebabCase = (name: string): string => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
const dashed = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`)
