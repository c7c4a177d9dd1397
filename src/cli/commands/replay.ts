import { randomBytes } from 'node:crypto'
import { command } from './command.ts'
import { bearerToken, serverUrl, TOKEN_FLAG, UsageError, wholeNumber } from './flags.ts'

const flags = {
  file: {
    type: 'positional',
    required: true,
    description: 'Combined Log Format or NDJSON, plain or gzipped; - is stdin',
  },
  url: { type: 'string', description: 'The server to send to; without it Rollcall runs in this process' },
  token: TOKEN_FLAG,
  'pages-only': {
    type: 'boolean',
    default: false,
    description: 'Leave out static files, methods but GET and HEAD, 4xx and 5xx, bots (of access logs)',
  },
  retry: { type: 'string', default: '120', description: 'Seconds a request may go on failing', valueHint: 'seconds' },
} as const

export const replay = command(
  {
    name: 'replay',
    description: 'Send the web events of log files, and end when they can be read',
    examples: [
      'rollcall replay access.log.2.gz access.log --pages-only',
      'rollcall replay - --url http://10.0.0.7:7420',
    ],
    takesMore: true,
  },
  flags,
  async ({ args }) => {
    const options = {
      retryMs: wholeNumber('retry', args.retry, 0) * 1_000,
      pagesOnly: args['pages-only'],
    }
    if (args.url === undefined && args.token !== undefined) {
      throw new UsageError('--token is for the server of --url, which is not given')
    }
    const to = args.url === undefined ? undefined : serverUrl('url', args.url)
    const token = to === undefined ? undefined : bearerToken(args.token, process.env)
    const { sizeOf, replayTo } = await import('../replay/index.ts')
    const totalBytes = await sizeOf(args._)
    if (to !== undefined) return replayTo(to, args._, totalBytes, { ...options, token })
    const own = await startOwn()
    try {
      await replayTo(own.url, args._, totalBytes, { ...options, token: own.token })
    } finally {
      await own.close()
    }
  },
)

/** A Rollcall in this process that nobody else can call, whatever the environment says of callers. */
async function startOwn(): Promise<{ url: string; token: string; close(): Promise<void> }> {
  const { readConfig } = await import('../../config.ts')
  const { start } = await import('../../rollcall.ts')
  const { SignJWT } = await import('jose')
  const secret = randomBytes(32).toString('hex')
  const token = await new SignJWT({ scope: 'service' })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret))
  const others = ['JWKS_URL', 'AUDIENCE', 'ISSUER', 'OPERATOR_SECRET'].map(name => [`ROLLCALL_AUTH_${name}`, ''])
  const environment = { ...process.env, ...Object.fromEntries(others), ROLLCALL_AUTH_SECRET: secret }
  const own = { host: '127.0.0.1', port: 0 }
  // Warnings are all its log may say on stdout, where the summary must come last.
  const { shownOwn } = await import('../replay/index.ts')
  const rollcall = await start({ ...readConfig(environment), ...own, logLevel: 'warn' }, undefined, shownOwn())
  return { url: rollcall.url, token, close: () => rollcall.close() }
}
