import type { Viewers } from '../looking/audience.ts'
import { command } from './command.ts'
import { isForPrograms, LIMIT_FLAG, limitOf, SERVER_FLAGS, SHOWN_FLAGS, serverOf } from './flags.ts'

const flags = { limit: LIMIT_FLAG, ...SHOWN_FLAGS, ...SERVER_FLAGS } as const

interface Count {
  alive: number
  attendance: number
}

export const viewers = command(
  {
    name: 'viewers',
    description: 'Say who watches on a running server: in all, and on each stream of the last 24 h',
    examples: ['rollcall viewers', 'rollcall viewers --json | jq .alive'],
  },
  flags,
  async ({ args }) => {
    const [limit, forPrograms] = [limitOf(args), isForPrograms(args)]
    const { pagesOf, sayCut } = await import('../looking/list.ts')
    const { say, sayJson } = await import('../looking/print.ts')
    const { table } = await import('../looking/table.ts')
    const { VIEWERS } = await import('../looking/audience.ts')
    const count = ({ bySession }: Viewers): number => Object.keys(bySession).length
    const asked = { path: '/viewers', query: {}, limit, shape: VIEWERS, count }
    const { pages, isCut } = await pagesOf<Viewers>(serverOf(args, process.env), asked)
    // Streams of one page are of one moment with its sums; of several pages the last sums are the newest.
    const { alive, attendance, withoutSession } = pages.at(-1)!
    const streams = pages.flatMap(({ bySession }) => Object.entries(bySession))
    sayCut(isCut)
    if (forPrograms) {
      sayJson({ alive, attendance, bySession: Object.fromEntries(streams), withoutSession })
      return
    }
    const rows = streams
      .sort(([, a], [, b]) => b.alive - a.alive || b.attendance - a.attendance)
      .map(([id, { alive, attendance }]) => [alive, attendance, id])
    const others = withoutSession.streams > 0 ? [[...counts(withoutSession), `${withoutSession.streams} others`]] : []
    say(table(['ALIVE', 'ATTENDANCE', 'SESSION'], [[alive, attendance, 'all'], ...rows, ...others]))
  },
)

const counts = ({ alive, attendance }: Count): number[] => [alive, attendance]
