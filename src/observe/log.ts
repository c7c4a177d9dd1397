import { type Logger, pino } from 'pino'
import type { PrettyOptions } from 'pino-pretty'
import { plain } from './plain.ts'

/** A line of the log, as pino writes it. */
interface Line {
  level: number
  time: number
  msg: string
  pid?: number
  hostname?: string
  url?: string
  err?: Failure
  /** of a shard */
  error?: Failure
  [about: string]: unknown
}

interface Failure {
  message: string
  stack?: string
  code?: unknown
}

/** Where the log goes to; only a terminal is written for people. */
export interface Destination {
  isTTY?: boolean
  hasColors?(): boolean
  write(text: string): void
}

/** The log of a server: on a terminal lines that a person reads, elsewhere JSON. */
export async function openLog(level: string, to: Destination = process.stdout): Promise<Logger> {
  if (!to.isTTY) return to === process.stdout ? pino({ level }) : pino({ level }, to)
  // Takes a while to load, and where nobody looks it is not needed.
  const { build } = await import('pino-pretty')
  const options: PrettyOptions = {
    ...{ translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname', hideObject: true, sync: true },
    messageFormat: line => sentence(line as unknown as Line),
    ...(to !== process.stdout && { destination: to as NodeJS.WritableStream, colorize: to.hasColors?.() ?? false }),
  }
  return pino({ level }, build(options))
}

/** Example: `mongodb is away (server=mongodb, why=connect ECONNREFUSED 127.0.0.1:27017)`. */
function sentence(line: Line): string {
  const { level: _level, time: _time, pid: _pid, hostname: _hostname, msg, err, error = err, url, ...about } = line
  const words = url ? `${msg} on ${url}: open it in a browser, Ctrl+C ends it` : msg
  const facts = Object.entries(about).map(([name, value]) => `${name}=${shown(value)}`)
  const more = facts.length > 0 ? `${url ? BELOW : ' '}${plain(`(${facts.join(', ')})`)}` : ''
  return `${plain(words)}${error ? `: ${described(error)}` : ''}${more}`
}

/** Goes on in another line, which cannot be taken for one of its own: these begin at the edge. */
const BELOW = '\n    '

/** What Rollcall says of itself needs no stack; what it does not know does. */
function described({ code, message, stack = message }: Failure): string {
  if (String(code).startsWith('RC_')) return plain(`${code}: ${message}`)
  const [first, ...rest] = stack.split('\n')
  return [first!, ...rest.map(each => each.trimStart())].map(plain).join(BELOW)
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
