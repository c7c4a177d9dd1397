import { defineCommand } from 'citty'
import { RollcallError } from '../../errors.ts'
import { onlyFlags } from './flags.ts'

const flags = {
  from: {
    type: 'string',
    required: true,
    description: 'The days from this time on: 2026-01-31 (in ROLLCALL_ZONE), 2026-01-31T12:00:00Z, or ms since 1970',
    valueHint: 'time',
  },
  visitor: { type: 'string', description: 'Of this visitor alone; may be given again', valueHint: 'id' },
} as const

export const recompute = defineCommand({
  meta: {
    name: 'recompute',
    description: 'Make web sessions anew from the kept events, by changed settings or the same',
  },
  args: flags,
  async run({ args, rawArgs }) {
    onlyFlags(args, flags)
    if (args._.length > 0) throw invalid(`'${args._.join(' ')}' is more than this command takes`)
    const { readConfig } = await import('../../config.ts')
    const { recompute } = await import('../../recompute/index.ts')
    const { MOST_VISITORS } = await import('../../partition/rules.ts')
    const { momentOf } = await import('../../recompute/moment.ts')
    const config = readConfig(process.env)
    const from = momentOf(args.from, config.zone)
    if (from !== null && from > Date.now()) throw invalid(`--from ${args.from} is yet to come`)
    if (from === null) throw invalid(`--from takes a day, a time with its offset, or ms since 1970, not '${args.from}'`)
    const visitors = visitorsIn(rawArgs)
    if (visitors.length > MOST_VISITORS) throw invalid(`--visitor may be given ${MOST_VISITORS} times at most`)
    const { Works } = await import('../../observe/work.ts')
    const { showWork } = await import('../looking/work.ts')
    const { systemTime } = await import('../../time.ts')
    const works = new Works(systemTime)
    const end = showWork(() => works.list)
    const faults = { report: (step: string, error: unknown) => console.error(`${step} failed:`, error) }
    const isShown = process.stdout.isTTY && process.stderr.isTTY
    const shown = process.stdout.isTTY ? readable : JSON.stringify
    const asked = visitors.length > 0 ? visitors : null
    try {
      for await (const progress of recompute(config, { from, visitors: asked, works, faults })) {
        if (progress.isDone) end()
        // The bar says it until then.
        if (progress.isDone || !isShown) console.log(shown(progress))
      }
    } finally {
      end()
    }
  },
})

/** The parser keeps the last value of a flag alone. */
function visitorsIn(rawArgs: string[]): string[] {
  const found: string[] = []
  for (const [i, argument] of rawArgs.entries()) {
    if (argument === '--visitor') found.push(rawArgs[i + 1] ?? '')
    else if (argument.startsWith('--visitor=')) found.push(argument.slice('--visitor='.length))
  }
  if (found.includes('')) throw invalid('--visitor takes the id of a visitor')
  return [...new Set(found)].sort()
}

const readable = ({ visitors, days, found, isDone, changed }: import('../../recompute/index.ts').Recomputed): string =>
  `${days} of ${found} days of ${visitors} visitors${isDone ? `, done${changed ? `: ${changed}` : ''}` : ''}`

const invalid = (message: string): RollcallError => new RollcallError('RC_INVALID_INPUT', message)
