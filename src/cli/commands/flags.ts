/** Values of command line flags, refused with a sentence where they make no sense. */
import { RollcallError } from '../../errors.ts'

type Args = { _: string[] } & Record<string, unknown>

/** A mistyped flag must not pass for one that was left out: `--ulr` would replay into another place. */
export function onlyFlags(args: Args, known: Record<string, unknown>): void {
  const unknown = Object.keys(args).filter(name => name !== '_' && !(name in known))
  if (unknown.length > 0) throw invalid(`there is no ${unknown.map(dashed).join(', ')} here`)
}

/** For commands that take neither flags nor operands. */
export function noFlags(args: Args): void {
  onlyFlags(args, {})
  if (args._.length > 0) throw invalid(`'${args._.join(' ')}' is more than this command takes`)
}

export function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
  throw invalid(`--${flag} takes a whole number of at least ${least}, not '${text}'`)
}

/** The address of a server, without a slash at its end. */
export function serverUrl(flag: string, text: string): string {
  // An address is said in warnings as it stands.
  if (text.includes('@')) throw invalid(`--${flag} takes an address without user and password`)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href.replace(/\/+$/, '')
  throw invalid(`--${flag} takes an address such as http://127.0.0.1:7420, not '${text}'`)
}

/** The token of `--token`, else of ROLLCALL_TOKEN. A refusal does not repeat it. */
export function bearerToken(flag: string | undefined, { ROLLCALL_TOKEN }: NodeJS.ProcessEnv): string | undefined {
  const token = flag ?? (ROLLCALL_TOKEN || undefined)
  if (token === undefined || /^[\w.~+/-]+=*$/.test(token)) return token
  const name = flag === undefined ? 'ROLLCALL_TOKEN' : '--token'
  throw invalid(`${name} takes a token alone, such as header.payload.signature`)
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

/** Operands of a command, which takes exactly these. */
export function operands(args: Args, ...names: string[]): string[] {
  const given = args._
  if (given.length === names.length && given.every(each => each !== '')) return given
  const wanted = names.length === 0 ? 'none' : names.map(name => `<${name}>`).join(' ')
  throw invalid(`the operands of this command are ${wanted}, not '${given.join(' ')}'`)
}

const dashed = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`)

const invalid = (message: string): RollcallError => new RollcallError('RC_INVALID_INPUT', message)
