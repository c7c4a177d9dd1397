import { z } from 'zod'
import { command } from './command.ts'
import { isForPrograms, LIMIT_FLAG, limitOf, SERVER_FLAGS, SHOWN_FLAGS, serverOf } from './flags.ts'

const flags = {
  state: {
    type: 'string',
    description: 'Only those that are waiting, parked, sent, recorded, done, expired or dropped',
    valueHint: 'state',
  },
  actor: { type: 'string', description: 'Only of this actor, such as streamer-session/sam', valueHint: 'kind/key' },
  ...{ limit: LIMIT_FLAG, ...SHOWN_FLAGS, ...SERVER_FLAGS },
} as const

const EFFECT = z.object({
  ...{ id: z.string(), kind: z.string(), at: z.number(), state: z.string() },
  ...{ attempts: z.number().optional(), error: z.string().optional() },
})

export const effects = command(
  {
    name: 'effects',
    description: 'List what a running server asked of others and what became of it, the newest first',
    examples: ['rollcall effects --state parked', 'rollcall effects --actor streamer-session/sam --json'],
  },
  flags,
  async ({ args }) => {
    const [limit, forPrograms] = [limitOf(args), isForPrograms(args)]
    const { showList } = await import('../looking/list.ts')
    const { moment } = await import('../looking/table.ts')
    const { actor, state } = args
    const row = ({ at, state, kind, attempts, id, error }: z.infer<typeof EFFECT>) => [
      moment(at),
      state,
      kind,
      attempts,
      id,
      error,
    ]
    await showList(
      serverOf(args, process.env),
      { path: '/effects', name: 'effects', item: EFFECT, query: { actor, state }, limit },
      { isForPrograms: forPrograms, head: ['AT', 'STATE', 'KIND', 'ATTEMPTS', 'EFFECT', 'ERROR'], row },
    )
  },
)
