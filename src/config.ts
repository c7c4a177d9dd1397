import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { type Fault, RollcallError } from './errors.ts'

/** All of Rollcall's settings; read once, at start. Times in ms. */
export interface Config {
  host: string
  /** 0: any free one */
  port: number
  dataDir: string
  shards: number
  partitions: number
  flushMs: number
  zone: string
  inactivityMs: number
  viewingGapMs: number
  lateMs: number
  /** `given`: as the events say; the derived sources come later */
  trafficSource: 'given'
  /** a path that begins with one of these, then an id, is a page of that stream */
  streamPaths: string[]
  /** header of the edge that tells a visitor's country */
  countryHeader: string | null
  /** what a session costs in each preset */
  prices: { preview: number; sd: number }
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
}

const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most)
const isZone = (zone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
const price = z.coerce.number().min(0).max(1e9)

const DAY_MS = 86_400_000

const ENVIRONMENT = z.object({
  ROLLCALL_HOST: z.string().min(1).default('127.0.0.1').refine(isLoopback, {
    message: 'is not a loopback address, and there is no authentication yet that would make that safe',
  }),
  ROLLCALL_PORT: whole(0, 65_535).default(7420),
  ROLLCALL_DATA: z.string().min(1).default('./data'),
  ROLLCALL_SHARDS: whole(1, 256).optional(),
  ROLLCALL_PARTITIONS: whole(1, 1_024).default(16),
  ROLLCALL_FLUSH_MS: whole(1, 60_000).default(1_000),
  ROLLCALL_ZONE: z.string().default('UTC').refine(isZone, { message: 'is no IANA time zone' }),
  ROLLCALL_INACTIVITY_MS: whole(1, DAY_MS).default(1_800_000),
  ROLLCALL_VIEWING_GAP_MS: whole(1, DAY_MS).default(300_000),
  ROLLCALL_LATE_MS: whole(0, 7 * DAY_MS).default(3_600_000),
  ROLLCALL_TRAFFIC_SOURCE: z
    .string()
    .default('given')
    .refine(source => source === 'given', { message: 'must be `given`: derived sources are not there yet' }),
  ROLLCALL_STREAM_PATHS: z
    .string()
    .default('/sessions/,/live/')
    .transform(paths => paths.split(',').filter(path => path !== ''))
    .refine(paths => paths.every(path => path.startsWith('/')), { message: 'must be paths that begin with /' }),
  ROLLCALL_COUNTRY_HEADER: z
    .string()
    .regex(/^[\w-]+$/, { message: 'is no name of a header' })
    .toLowerCase()
    .optional(),
  ROLLCALL_PRICE_PREVIEW: price.default(0),
  ROLLCALL_PRICE_SD: price.default(0),
  ROLLCALL_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  ...Object.fromEntries(
    ['AUTH_SECRET', 'AUTH_JWKS_URL', 'NATS_URL', 'MONGODB_URL', 'REDIS_URL'].map(name => [
      `ROLLCALL_${name}`,
      z.never({ error: 'is not supported yet; Rollcall runs on its embedded default' }).optional(),
    ]),
  ),
})

/** The names of all variables read. */
export const VARIABLES: readonly string[] = Object.keys(ENVIRONMENT.shape)

/** Throws RC_CONFIG_INVALID with a fault for each variable that is wrong. An empty variable counts as unset. */
export function readConfig(environment: NodeJS.ProcessEnv, cores = availableParallelism()): Config {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = ENVIRONMENT.safeParse(set)
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      ({ path, code, message }): Fault => ({ index: 0, path: path.join('.'), code, message }),
    )
    throw new RollcallError('RC_CONFIG_INVALID', undefined, { faults })
  }
  const env = parsed.data
  return {
    host: env.ROLLCALL_HOST,
    port: env.ROLLCALL_PORT,
    dataDir: env.ROLLCALL_DATA,
    shards: Math.min(env.ROLLCALL_SHARDS ?? cores, env.ROLLCALL_PARTITIONS),
    partitions: env.ROLLCALL_PARTITIONS,
    flushMs: env.ROLLCALL_FLUSH_MS,
    zone: env.ROLLCALL_ZONE,
    inactivityMs: env.ROLLCALL_INACTIVITY_MS,
    viewingGapMs: env.ROLLCALL_VIEWING_GAP_MS,
    lateMs: env.ROLLCALL_LATE_MS,
    trafficSource: 'given',
    streamPaths: env.ROLLCALL_STREAM_PATHS,
    countryHeader: env.ROLLCALL_COUNTRY_HEADER ?? null,
    prices: { preview: env.ROLLCALL_PRICE_PREVIEW, sd: env.ROLLCALL_PRICE_SD },
    logLevel: env.ROLLCALL_LOG_LEVEL,
  }
}

/** The settings that state is a function of, by the variables that set them; the log records them when it is made. */
export const recordedSettings = (config: Config): Record<string, string | number> => ({
  ROLLCALL_PARTITIONS: config.partitions,
  ROLLCALL_ZONE: config.zone,
  ROLLCALL_INACTIVITY_MS: config.inactivityMs,
  ROLLCALL_VIEWING_GAP_MS: config.viewingGapMs,
  ROLLCALL_LATE_MS: config.lateMs,
  ROLLCALL_TRAFFIC_SOURCE: config.trafficSource,
})

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
