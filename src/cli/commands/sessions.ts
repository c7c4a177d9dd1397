import { command } from './command.ts'
import { isForPrograms, LIMIT_FLAG, limitOf, SERVER_FLAGS, SHOWN_FLAGS, serverOf } from './flags.ts'

const flags = {
  all: { type: 'boolean', default: false, description: 'Also those that have ended' },
  ...{ limit: LIMIT_FLAG, ...SHOWN_FLAGS, ...SERVER_FLAGS },
} as const

/** As documents have it, which may be another program's. */
interface Session {
  id: string
  userId: string
  title?: string
  active?: boolean
  status?: { preset: string }
  statuses?: { created?: string; started?: string }
  rating?: { current: number; currentCount: number }
}

export const sessions = command(
  {
    name: 'sessions',
    description: "List streamers' sessions of a running server, the newest first",
    examples: ['rollcall sessions', 'rollcall sessions --all --limit 1000 --json'],
  },
  flags,
  async ({ args }) => {
    const [limit, forPrograms] = [limitOf(args), isForPrograms(args)]
    const { showList } = await import('../looking/list.ts')
    const query = { active: args.all ? undefined : 'true' }
    await showList(
      serverOf(args, process.env),
      { path: '/sessions', name: 'sessions', query, limit },
      {
        isForPrograms: forPrograms,
        head: ['STATE', 'RATING', 'STARTED', 'SESSION', 'STREAMER', 'TITLE'],
        row,
      },
    )
  },
)

function row({ id, userId, title, active, status, statuses, rating }: Session): unknown[] {
  const rated = rating && rating.currentCount > 0 ? `${rating.current.toFixed(2)} by ${rating.currentCount}` : null
  const state = active ? (status?.preset === 'sd' ? 'live' : status?.preset) : 'ended'
  return [state, rated, statuses?.started, id, userId, title]
}
