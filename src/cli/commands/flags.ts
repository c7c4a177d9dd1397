/** Values of command line flags, refused with a sentence where they make no sense. */
import { RollcallError } from '../../errors.ts'

/** Somebody called a command in a way that it cannot be called in. */
export class UsageError extends RollcallError {
  constructor(message: string) {
    super('RC_INVALID_INPUT', message)
  }
}

export function wholeNumber(flag: string, text: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  const to = most === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${most.toLocaleString('en')}`
  throw new UsageError(`--${flag} takes a whole number of at least ${least}${to}, not '${text}'`)
}

/** The address of a server, without a slash at its end. */
export function serverUrl(flag: string, text: string): string {
  // An address is said in warnings as it stands.
  if (text.includes('@')) throw new UsageError(`--${flag} takes an address without user and password`)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href.replace(/\/+$/, '')
  throw new UsageError(`--${flag} takes an address such as http://127.0.0.1:7420, not '${text}'`)
}

/** The token of `--token`, else of ROLLCALL_TOKEN. A refusal does not repeat it. */
export function bearerToken(flag: string | undefined, { ROLLCALL_TOKEN }: NodeJS.ProcessEnv): string | undefined {
  const token = flag ?? (ROLLCALL_TOKEN || undefined)
  if (token === undefined || /^[\w.~+/-]+=*$/.test(token)) return token
  const name = flag === undefined ? 'ROLLCALL_TOKEN' : '--token'
  throw new UsageError(`${name} takes a token alone, such as header.payload.signature`)
}

export const TOKEN_FLAG = {
  type: 'string',
  description: 'Sent as Bearer; better in ROLLCALL_TOKEN, which no list of processes shows',
} as const

/** Flags by which a running server is found, and which it lets in. */
export const SERVER_FLAGS = {
  url: { type: 'string', description: 'The server; by default where ROLLCALL_HOST and ROLLCALL_PORT say' },
  token: TOKEN_FLAG,
} as const

export function serverOf(
  { url, token }: { url?: string | undefined; token?: string | undefined },
  env: NodeJS.ProcessEnv,
): { url: string; token: string | undefined } {
  const { ROLLCALL_HOST: host = '127.0.0.1', ROLLCALL_PORT: port = '7420' } = env
  const usual = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  return { url: serverUrl('url', url ?? usual), token: bearerToken(token, env) }
}

const MOST_LISTED = 10_000

/** How many items of a list are shown, of which a server answers so many pages as that takes. */
export const LIMIT_FLAG = {
  type: 'string',
  default: '100',
  description: 'How many, 10,000 at most',
  valueHint: 'n',
} as const

export const limitOf = ({ limit }: { limit: string }): number => wholeNumber('limit', limit, 1, MOST_LISTED)

/** Flags that say how something is shown: by default as a table on a terminal, and as JSON elsewhere. */
export const SHOWN_FLAGS = {
  json: { type: 'boolean', default: false, description: 'Print JSON, also on a terminal' },
  table: { type: 'boolean', default: false, description: 'Print a table, also elsewhere' },
} as const

/** True if a program reads what is shown. */
export function isForPrograms({ json, table = false }: { json: boolean; table?: boolean }): boolean {
  if (json && table) throw new UsageError('--json and --table exclude each other')
  return json || (!table && !process.stdout.isTTY)
}
