import { defineCommand } from 'citty'
import { onlyFlags, serverUrl, wholeNumber } from './flags.ts'

const flags = {
  file: {
    type: 'positional',
    required: true,
    description: 'Combined Log Format or NDJSON, plain or gzipped; - is stdin',
  },
  url: { type: 'string', description: 'The server to send to; without it Rollcall runs in this process' },
  'pages-only': {
    type: 'boolean',
    default: false,
    description: 'Leave out static files, methods but GET and HEAD, 4xx and 5xx, bots (of access logs)',
  },
  retry: { type: 'string', default: '120', description: 'Seconds a request may go on failing', valueHint: 'seconds' },
} as const

export const replay = defineCommand({
  meta: { name: 'replay', description: 'Send the web events of log files, and end when they can be read' },
  args: flags,
  async run({ args }) {
    // The parser gives `pages-only` in both spellings.
    onlyFlags(args, { ...flags, pagesOnly: true })
    const options = {
      retryMs: wholeNumber('retry', args.retry, 0) * 1_000,
      pagesOnly: args['pages-only'],
    }
    const url = args.url === undefined ? undefined : serverUrl('url', args.url)
    const { sizeOf, replayTo } = await import('../replay/index.ts')
    const totalBytes = await sizeOf(args._)
    if (url !== undefined) return replayTo(url, args._, totalBytes, options)
    const { readConfig } = await import('../../config.ts')
    const { start } = await import('../../rollcall.ts')
    // Its log goes to stdout, where the summary must come last.
    const rollcall = await start({ ...readConfig(process.env), port: 0, logLevel: 'warn' })
    try {
      await replayTo(rollcall.url, args._, totalBytes, options)
    } finally {
      await rollcall.close()
    }
  },
})
