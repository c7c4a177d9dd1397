import { z } from 'zod'
import { command } from './command.ts'
import { isForPrograms, LIMIT_FLAG, limitOf, SERVER_FLAGS, SHOWN_FLAGS, serverOf } from './flags.ts'

const flags = {
  all: { type: 'boolean', default: false, description: 'Also those that have ended' },
  ...{ limit: LIMIT_FLAG, ...SHOWN_FLAGS, ...SERVER_FLAGS },
} as const

/** As documents have it, which may be another program's. */
const SESSION = z.record(z.string(), z.unknown())

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
      { path: '/sessions', name: 'sessions', item: SESSION, query, limit },
      {
        isForPrograms: forPrograms,
        head: ['STATE', 'RATING', 'STARTED', 'SESSION', 'STREAMER', 'TITLE'],
        row,
      },
    )
  },
)

function row({ id, userId, title, active, status, statuses, rating }: z.infer<typeof SESSION>): unknown[] {
  const [preset, started] = [factOf(status, 'preset'), factOf(statuses, 'started')]
  const [current, count] = [factOf(rating, 'current'), factOf(rating, 'currentCount')]
  const isRated = typeof current === 'number' && typeof count === 'number' && count > 0
  const state = active ? (preset === 'sd' ? 'live' : preset) : 'ended'
  return [state, isRated ? `${current.toFixed(2)} by ${count}` : null, started, id, userId, title]
}

const factOf = (of: unknown, name: string): unknown => (of as Record<string, unknown> | null | undefined)?.[name]
