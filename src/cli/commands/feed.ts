import type { z } from 'zod'
import { RollcallError } from '../../errors.ts'
import type { Explanation, Feed } from '../looking/feeds.ts'
import { command } from './command.ts'
import { isForPrograms, SERVER_FLAGS, SHOWN_FLAGS, serverOf } from './flags.ts'

const flags = {
  alias: { type: 'positional', required: true, description: 'The feed, such as user_livestream-global' },
  explain: { type: 'boolean', default: false, description: 'Say of each streamer why it is there, or is not' },
  ...SHOWN_FLAGS,
  ...SERVER_FLAGS,
} as const

export const feed = command(
  {
    name: 'feed',
    description: 'Show a feed, or why it is as it is',
    examples: ['rollcall feed user_livestream-global', 'rollcall feed user_livestream-asia --explain'],
  },
  flags,
  async ({ args }) => {
    const { alias } = args
    const path = `/feeds/${encodeURIComponent(alias)}`
    const { ask } = await import('../looking/server.ts')
    const server = serverOf(args, process.env)
    const forPrograms = isForPrograms(args)
    const { say, sayJson } = await import('../looking/print.ts')
    const { EXPLANATION, FEED } = await import('../looking/feeds.ts')
    const show = async <T>(asked: string, shape: z.ZodType<T>, shown: (found: T) => Promise<string>) => {
      const feed = await ask(server, asked, shape).catch(error => {
        if (!(error instanceof RollcallError) || error.code !== 'RC_NOT_FOUND') throw error
        throw new RollcallError('RC_NOT_FOUND', `${server.url} has no feed '${alias}'`)
      })
      if (forPrograms) sayJson(feed)
      else say(await shown(feed))
    }
    if (args.explain) await show(`${path}?explain=true`, EXPLANATION, explained)
    else await show(path, FEED, listed)
  },
)

async function listed({ items }: Feed): Promise<string> {
  const { table } = await import('../looking/table.ts')
  const rows = items.map(({ id, username, metadata: { viewers } }, i) => [i + 1, viewers, username, id])
  return table(['PLACE', 'VIEWERS', 'NAME', 'STREAMER'], rows)
}

async function explained({ items, leftOut, untold }: Explanation): Promise<string> {
  const { table } = await import('../looking/table.ts')
  const shown = items.map(({ id, priority, trendingRanking, started }, i) => [
    ...[i + 1, priority, trendingRanking < 0 ? null : trendingRanking, started, id],
  ])
  const places = table(['PLACE', 'PRIORITY', 'TRENDING', 'STARTED', 'STREAMER'], shown)
  if (leftOut.length === 0) return `${places}\n\nNobody who is live is left out.`
  const left = table(
    ['LEFT OUT', 'BECAUSE'],
    leftOut.map(({ id, rule }) => [id, rule]),
  )
  return `${places}\n\n${left}${untold > 0 ? `\n${untold} more are left out.` : ''}`
}
