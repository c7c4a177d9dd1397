import { z } from 'zod'
import { command } from './command.ts'
import { isForPrograms, SERVER_FLAGS, SHOWN_FLAGS, serverOf, wholeNumber } from './flags.ts'

/** A look at actors that goes on begins anew, so that a list is one answer. */
const MOST = 1_000

const flags = {
  kind: { type: 'string', description: 'viewer, visitor, streamer-session or feed', valueHint: 'kind' },
  state: { type: 'string', description: 'Only those in this state', valueHint: 'state' },
  limit: { type: 'string', default: '100', description: 'How many, 1,000 at most', valueHint: 'n' },
  ...SHOWN_FLAGS,
  ...SERVER_FLAGS,
} as const

const LISTED = z.object({
  ...{ kind: z.string(), key: z.string(), value: z.unknown(), partition: z.number(), seq: z.number().nullable() },
})

export const actors = command(
  {
    name: 'actors',
    description: 'List the actors of a running server',
    examples: ['rollcall actors', 'rollcall actors --kind streamer-session --state live'],
  },
  flags,
  async ({ args }) => {
    const { kind, state } = args
    const forPrograms = isForPrograms(args)
    const query = new URLSearchParams({ limit: String(wholeNumber('limit', args.limit, 1, MOST)) })
    if (kind !== undefined) query.set('kind', kind)
    if (state !== undefined) query.set('state', state)
    const { ask } = await import('../looking/server.ts')
    const { complain, say, sayJson } = await import('../looking/print.ts')
    const { listOf } = await import('../looking/answer.ts')
    const { table } = await import('../looking/table.ts')
    const shape = z.object({ actors: listOf(LISTED), next: z.string().optional(), isWhole: z.boolean() })
    const { actors, next, isWhole } = await ask(serverOf(args, process.env), `/inspect/actors?${query}`, shape)
    if (next !== undefined || !isWhole)
      complain('There may be more: --limit says how many are listed, --kind and --state which.')
    if (forPrograms) {
      for (const each of actors) sayJson(each)
      return
    }
    const rows = actors.map(({ kind, key, value, partition, seq }) => [kind, value, partition, seq, key])
    say(table(['KIND', 'STATE', 'PARTITION', 'ENTRY', 'KEY'], rows))
  },
)
