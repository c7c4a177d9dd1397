import { defineCommand } from 'citty'
import { bearerToken, onlyFlags, serverUrl, TOKEN_FLAG, wholeNumber } from './flags.ts'

const flags = {
  url: { type: 'string', description: 'The server; by default where ROLLCALL_HOST and ROLLCALL_PORT say' },
  token: TOKEN_FLAG,
  viewers: { type: 'string', default: '200', description: 'How many watch', valueHint: 'n' },
  streamers: { type: 'string', default: '5', description: 'How many stream', valueHint: 'n' },
  minutes: { type: 'string', default: '30', description: 'How long the evening is', valueHint: 'n' },
  seed: { type: 'string', default: '1', description: 'What decides all chance', valueHint: 'n' },
  end: { type: 'string', description: 'When the evening ends, in ms since 1970; by default now', valueHint: 'ms' },
  log: { type: 'string', description: 'Write the visits as a Combined Log and contact no server', valueHint: 'file' },
} as const

export const simulate = defineCommand({
  meta: {
    name: 'simulate',
    description: "Play a platform's evening: streams, viewers, ratings, follows, tips; seeded",
  },
  args: flags,
  async run({ args }) {
    onlyFlags(args, flags)
    const options = {
      viewers: wholeNumber('viewers', args.viewers, 0),
      streamers: wholeNumber('streamers', args.streamers, 0),
      minutes: wholeNumber('minutes', args.minutes, 1),
      seed: wholeNumber('seed', args.seed, 0),
      end: args.end === undefined ? Date.now() : wholeNumber('end', args.end, 0),
    }
    const { playTo, writeLog } = await import('../evening/index.ts')
    if (args.log !== undefined) return writeLog(args.log, options)
    const token = bearerToken(args.token, process.env)
    await playTo(args.url === undefined ? defaultUrl(process.env) : serverUrl('url', args.url), token, options)
  },
})

function defaultUrl({ ROLLCALL_HOST: host = '127.0.0.1', ROLLCALL_PORT: port = '7420' }: NodeJS.ProcessEnv): string {
  return serverUrl('url', `http://${host.includes(':') ? `[${host}]` : host}:${port}`)
}
