import type { Work } from '../../observe/work.ts'
import { command } from './command.ts'
import { UsageError } from './flags.ts'

const flags = {
  from: {
    type: 'string',
    required: true,
    description: 'The days from this time on: 2026-01-31 (in ROLLCALL_ZONE), 2026-01-31T12:00:00Z, or ms since 1970',
    valueHint: 'time',
  },
  visitor: { type: 'string', description: 'Of this visitor alone; may be given again', valueHint: 'id' },
} as const

export const recompute = command(
  {
    name: 'recompute',
    description: 'Make web sessions anew from the kept events, by changed settings or the same',
    examples: ['ROLLCALL_ZONE=Asia/Taipei rollcall recompute --from 2026-01-31', 'rollcall rewind --from 2026-01-31'],
  },
  flags,
  async ({ args, rawArgs }) => {
    const { readConfig } = await import('../../config.ts')
    const { recompute } = await import('../../recompute/index.ts')
    const { MOST_VISITORS } = await import('../../partition/rules.ts')
    const { momentOf } = await import('../../recompute/moment.ts')
    const config = readConfig(process.env)
    const from = momentOf(args.from, config.zone)
    if (from !== null && from > Date.now()) throw new UsageError(`--from ${args.from} is yet to come`)
    if (from === null)
      throw new UsageError(`--from takes a day, a time with its offset, or ms since 1970, not '${args.from}'`)
    const visitors = visitorsIn(rawArgs)
    if (visitors.length > MOST_VISITORS) throw new UsageError(`--visitor may be given ${MOST_VISITORS} times at most`)
    const { failures, say, sayJson } = await import('../looking/print.ts')
    const { Works } = await import('../../observe/work.ts')
    const { showWork } = await import('../looking/work.ts')
    const { systemTime } = await import('../../time.ts')
    const works = new Works(systemTime)
    // Recomputed days are told on stdout, unless a bar shows them.
    const told = ({ name }: Work): boolean => process.stderr.isTTY || name !== 'recompute'
    const end = showWork(() => works.list.filter(told))
    const isShown = process.stdout.isTTY && process.stderr.isTTY
    const asked = visitors.length > 0 ? visitors : null
    try {
      for await (const progress of recompute(config, { from, visitors: asked, works, faults: failures })) {
        if (progress.isDone) end()
        // The bar says it until then.
        if (isShown && !progress.isDone) continue
        if (process.stdout.isTTY) say(readable(progress))
        else sayJson(progress)
      }
    } finally {
      end()
    }
  },
)

/** The parser keeps the last value of a flag alone. */
function visitorsIn(rawArgs: string[]): string[] {
  const found: string[] = []
  for (const [i, argument] of rawArgs.entries()) {
    if (argument === '--visitor') found.push(rawArgs[i + 1] ?? '')
    else if (argument.startsWith('--visitor=')) found.push(argument.slice('--visitor='.length))
  }
  if (found.includes('')) throw new UsageError('--visitor takes the id of a visitor')
  return [...new Set(found)].sort()
}

const readable = ({ visitors, days, found, isDone, changed }: import('../../recompute/index.ts').Recomputed): string =>
  `${days} of ${found} days of ${visitors} visitors${isDone ? `, done${changed ? `: ${changed}` : ''}` : ''}`
