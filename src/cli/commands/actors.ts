import { defineCommand } from 'citty'
import { onlyFlags, operands, SERVER_FLAGS, serverOf, wholeNumber } from './flags.ts'

const flags = {
  kind: { type: 'string', description: 'viewer, visitor, streamer-session or feed', valueHint: 'kind' },
  state: { type: 'string', description: 'Only those in this state', valueHint: 'state' },
  limit: { type: 'string', default: '100', description: 'How many, 1,000 at most', valueHint: 'n' },
  json: { type: 'boolean', default: false, description: 'Print JSON lines, also on a terminal' },
  ...SERVER_FLAGS,
} as const

interface Listed {
  kind: string
  key: string
  value: unknown
  partition: number
  seq: number | null
}

export const actors = defineCommand({
  meta: { name: 'actors', description: 'List the actors of a running server' },
  args: flags,
  async run({ args }) {
    onlyFlags(args, flags)
    operands(args)
    const { kind, state } = args
    const query = new URLSearchParams({ limit: String(wholeNumber('limit', args.limit, 1)) })
    if (kind !== undefined) query.set('kind', kind)
    if (state !== undefined) query.set('state', state)
    const { ask } = await import('../looking/server.ts')
    const { table } = await import('../looking/table.ts')
    const { actors, next, isWhole } = await ask<{ actors: Listed[]; next?: string; isWhole: boolean }>(
      serverOf(args, process.env),
      `/inspect/actors?${query}`,
    )
    if (next !== undefined || !isWhole)
      console.error('There may be more: --limit says how many are listed, --kind and --state which.')
    if (args.json || !process.stdout.isTTY) {
      for (const each of actors) console.log(JSON.stringify(each))
      return
    }
    const rows = actors.map(({ kind, key, value, partition, seq }) => [kind, value, partition, seq, key])
    console.log(table(['KIND', 'STATE', 'PARTITION', 'ENTRY', 'KEY'], rows))
  },
})
