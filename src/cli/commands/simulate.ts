import { command } from './command.ts'
import { SERVER_FLAGS, serverOf, wholeNumber } from './flags.ts'

const flags = {
  ...SERVER_FLAGS,
  viewers: { type: 'string', default: '200', description: 'How many watch', valueHint: 'n' },
  streamers: { type: 'string', default: '5', description: 'How many stream', valueHint: 'n' },
  minutes: { type: 'string', default: '30', description: 'How long the evening is', valueHint: 'n' },
  seed: { type: 'string', default: '1', description: 'What decides all chance', valueHint: 'n' },
  end: { type: 'string', description: 'When the evening ends, in ms since 1970; by default now', valueHint: 'ms' },
  log: { type: 'string', description: 'Write the visits as a Combined Log and contact no server', valueHint: 'file' },
} as const

export const simulate = command(
  {
    name: 'simulate',
    description: "Play a platform's evening: streams, viewers, ratings, follows, tips; seeded",
    examples: ['rollcall simulate --viewers 1000 --streamers 20', 'rollcall simulate --log evening.log --seed 7'],
  },
  flags,
  async ({ args }) => {
    const options = {
      viewers: wholeNumber('viewers', args.viewers, 0),
      streamers: wholeNumber('streamers', args.streamers, 0),
      minutes: wholeNumber('minutes', args.minutes, 1),
      seed: wholeNumber('seed', args.seed, 0),
      end: args.end === undefined ? Date.now() : wholeNumber('end', args.end, 0),
    }
    const { playTo, writeLog } = await import('../evening/index.ts')
    if (args.log !== undefined) return writeLog(args.log, options)
    const { url, token } = serverOf(args, process.env)
    await playTo(url, token, options)
  },
)
