import { z } from 'zod'
import { command } from './command.ts'
import { isForPrograms, LIMIT_FLAG, limitOf, SERVER_FLAGS, SHOWN_FLAGS, serverOf, UsageError } from './flags.ts'

const flags = {
  visitor: { type: 'string', description: 'Of this visitor, also with --day', valueHint: 'id' },
  user: { type: 'string', description: 'Of this user', valueHint: 'id' },
  day: {
    type: 'string',
    description: 'Of this day; by default, of all visitors, today in ROLLCALL_ZONE',
    valueHint: 'yyyy-mm-dd',
  },
  ...{ limit: LIMIT_FLAG, ...SHOWN_FLAGS, ...SERVER_FLAGS },
} as const

const SOURCE = z.object({
  ...{ source: z.string().optional(), medium: z.string().optional(), campaign: z.string().optional() },
})

const VISIT = z.object({
  ...{ id: z.string(), openedBy: z.string(), firstPage: z.string(), userId: z.string().nullable() },
  ...{ firstEventAt: z.number(), lastEventAt: z.number(), pageViews: z.number(), source: SOURCE.nullable() },
})

export const visits = command(
  {
    name: 'visits',
    description: 'List web sessions of a running server: of a day, a visitor or a user',
    examples: [
      'rollcall visits',
      'rollcall visits --visitor 203.0.113.7 --day 2026-01-31',
      'rollcall visits --user ann',
    ],
  },
  flags,
  async ({ args }) => {
    const { visitor, user: userId } = args
    if (userId !== undefined && (visitor ?? args.day) !== undefined)
      throw new UsageError('--user goes alone, without --visitor and --day')
    if (args.day !== undefined && !isDay(args.day))
      throw new UsageError(`--day takes a day such as 2026-01-31, not '${args.day}'`)
    const day = args.day ?? ((visitor ?? userId) === undefined ? today(process.env) : undefined)
    const [limit, forPrograms] = [limitOf(args), isForPrograms(args)]
    const { showList } = await import('../looking/list.ts')
    const { moment } = await import('../looking/table.ts')
    const row = (visit: z.infer<typeof VISIT>): unknown[] => {
      const { id, openedBy, firstEventAt, lastEventAt, pageViews, userId, source, firstPage } = visit
      const from = source && [source.source, source.medium, source.campaign].filter(part => part).join(' ')
      return [moment(firstEventAt), moment(lastEventAt), pageViews, openedBy, userId, from || null, id, firstPage]
    }
    await showList(
      serverOf(args, process.env),
      { path: '/web-sessions', name: 'webSessions', item: VISIT, query: { visitor, userId, day }, limit },
      {
        isForPrograms: forPrograms,
        head: ['BEGAN', 'ENDED', 'PAGES', 'OPENED BY', 'USER', 'SOURCE', 'VISIT', 'FIRST PAGE'],
        row,
      },
    )
  },
)

function isDay(text: string): boolean {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}

/** The day it is now where days are counted. */
function today({ ROLLCALL_ZONE }: NodeJS.ProcessEnv): string {
  const timeZone = ROLLCALL_ZONE || 'UTC'
  try {
    // This language writes days as they are written here.
    return new Intl.DateTimeFormat('sv', { timeZone }).format(Date.now())
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new UsageError(`ROLLCALL_ZONE is no IANA time zone: '${timeZone}'`)
  }
}
