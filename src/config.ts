import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { KINDS } from '../actors/kinds.ts'
import { AUTH_VARIABLES, type AuthSettings, authFaults, authOf, isLoopback } from './bridge/auth-settings.ts'
import type { Rates } from './bridge/limits.ts'
import { type Fault, RollcallError } from './errors.ts'
import { type FeedGroup, parseGroups } from './feeds/groups.ts'
import { type FirebaseSettings, isRsaKey } from './notify/firebase.ts'
import type { PusherSettings } from './notify/pusher.ts'

/** All of Rollcall's settings; read once, at start. Times in ms. */
export interface Config {
  host: string
  /** 0: any free one */
  port: number
  /** null: dev mode, in which every caller may do everything; only on loopback */
  auth: AuthSettings | null
  /** by which alone who asks for the figures is let in; null: it has to be an operator */
  metricsToken: string | null
  /** what a user may send in a minute, where callers have tokens; services have no limit */
  rates: Rates
  /** of pages that may ask, as browsers write them */
  origins: string[]
  /** null: this part is embedded */
  natsUrl: string | null
  mongodbUrl: string | null
  redisUrl: string | null
  /** other services hear over NATS of web sessions that are not over as they change */
  tellUpdates: boolean
  /** copies of each stream of the log, when it is made */
  natsReplicas: number
  /** with checkpoints on a server: a process that was silent for so long no longer owns them */
  takeOverMs: number
  dataDir: string
  shards: number
  partitions: number
  flushMs: number
  /** kinds of actor whose snapshots are documents */
  snapshots: string[]
  zone: string
  inactivityMs: number
  viewingGapMs: number
  /** how late the end of a viewing session may be in its document */
  viewingWriteMs: number
  lateMs: number
  historyMs: number
  /** `given`: as the events say; the derived sources come later */
  trafficSource: 'given'
  /** a path that begins with one of these, then an id, is a page of that stream */
  streamPaths: string[]
  /** header of the edge that tells a visitor's country */
  countryHeader: string | null
  /** what a session costs in each preset */
  prices: { preview: number; sd: number }
  feeds: {
    groups: FeedGroup[]
    /** tags of streamers no feed shows */
    excludedTags: string[]
    /** of a feed at most */
    items: number
  }
  /** null: what would be sent is recorded */
  pusher: PusherSettings | null
  firebase: FirebaseSettings | null
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
const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text && text !== 'null'
const price = z.coerce.number().min(0).max(1e9)

const DAY_MS = 86_400_000

const SETTINGS = {
  ROLLCALL_HOST: z.string().min(1).default('127.0.0.1'),
  ROLLCALL_PORT: whole(0, 65_535).default(7420),
  ROLLCALL_DATA: z.string().min(1).default('./data'),
  ROLLCALL_SHARDS: whole(1, 256).optional(),
  ROLLCALL_PARTITIONS: whole(1, 1_024).default(16),
  ROLLCALL_FLUSH_MS: whole(1, 60_000).default(1_000),
  ROLLCALL_SNAPSHOTS: z
    .string()
    .default('streamer-session,visitor')
    .transform(kinds => [...new Set(kinds.split(',').filter(kind => kind !== ''))])
    .refine(kinds => kinds.every(kind => KINDS.some(known => known.kind === kind)), {
      message: `must be some of ${KINDS.map(({ kind }) => kind).join(', ')}`,
    }),
  ROLLCALL_ZONE: z.string().default('UTC').refine(isZone, { message: 'is no IANA time zone' }),
  ROLLCALL_INACTIVITY_MS: whole(1, DAY_MS).default(1_800_000),
  ROLLCALL_VIEWING_GAP_MS: whole(1, DAY_MS).default(300_000),
  ROLLCALL_VIEWING_WRITE_MS: whole(1_000, DAY_MS).default(300_000),
  ROLLCALL_LATE_MS: whole(0, 7 * DAY_MS).default(3_600_000),
  ROLLCALL_HISTORY_MS: whole(0, 3_650 * DAY_MS).default(7 * DAY_MS),
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
  ROLLCALL_FEED_GROUPS: z
    .string()
    .default('global;asia=tw,hk,mo,cn,jp,kr,sg,my,th,vn,ph,id')
    .transform(parseGroups)
    .refine(groups => groups !== null, { message: 'must be like `global;asia=tw,hk`' }),
  ROLLCALL_FEED_EXCLUDED_TAGS: z
    .string()
    .default('')
    .transform(tags => tags.split(',').filter(tag => tag !== '')),
  ROLLCALL_FEED_ITEMS: whole(1, 10_000).default(2_000),
  ROLLCALL_NATS_REPLICAS: whole(1, 5).default(1),
  ROLLCALL_TELL_UPDATES: z.enum(['true', 'false']).default('false'),
  ROLLCALL_TAKE_OVER_MS: whole(500, 600_000).default(10_000),
  ROLLCALL_RATE_LIMIT: whole(1, 1_000_000).default(600),
  ROLLCALL_RATE_RECORDS: whole(1, 1_000_000).default(600),
  ROLLCALL_RATE_BYTES: whole(1_024, 2 ** 40).default(2_097_152),
  ROLLCALL_ORIGINS: z
    .string()
    .default('')
    .transform(origins => origins.split(',').filter(origin => origin !== ''))
    .refine(origins => origins.every(isOrigin), {
      message: 'must be like `https://example.com,http://localhost:3000`',
    }),
  ...AUTH_VARIABLES,
  PUSHER_APP_ID: z.string().optional(),
  PUSHER_KEY: z.string().optional(),
  PUSHER_SECRET: z.string().optional(),
  PUSHER_CLUSTER: z.string().optional(),
  PUSHER_HOST: z.string().optional(),
  PUSHER_PORT: whole(1, 65_535).optional(),
  PUSHER_TLS: z.enum(['true', 'false']).default('true'),
  FIREBASE_PROJECT_ID: z.string().optional(),
  FIREBASE_CLIENT_EMAIL: z.string().optional(),
  FIREBASE_PRIVATE_KEY: z.string().refine(isRsaKey, { message: 'is no PEM of an RSA key' }).optional(),
  ROLLCALL_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  ROLLCALL_NATS_URL: z.string().optional(),
  ROLLCALL_MONGODB_URL: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//, { error: 'is no mongodb:// URL' })
    .optional(),
  ROLLCALL_REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'is no redis:// URL' }).optional(),
}

/** Variables that go together: all of a line must be set, or none. */
const TOGETHER = [
  ['PUSHER_APP_ID', 'PUSHER_KEY', 'PUSHER_SECRET'],
  ['FIREBASE_PROJECT_ID', 'FIREBASE_CLIENT_EMAIL', 'FIREBASE_PRIVATE_KEY'],
] as const

const ENVIRONMENT = z.object(SETTINGS).check(({ value, issues }) => {
  for (const [name, message] of authFaults(value)) issues.push({ code: 'custom', input: value, path: [name], message })
  if (!isLoopback(value.ROLLCALL_HOST) && !value.ROLLCALL_AUTH_SECRET && !value.ROLLCALL_AUTH_JWKS_URL) {
    const message = 'is not a loopback address: ROLLCALL_AUTH_SECRET or ROLLCALL_AUTH_JWKS_URL must be set'
    issues.push({ code: 'custom', input: value, path: ['ROLLCALL_HOST'], message })
  }
  const set = value as Record<string, unknown>
  const missing = TOGETHER.flatMap(names => (names.some(name => set[name]) ? names.filter(name => !set[name]) : []))
  for (const name of missing) issues.push({ code: 'custom', input: value, path: [name], message: 'must be set too' })
  if (value.PUSHER_KEY && !value.PUSHER_CLUSTER && !value.PUSHER_HOST) {
    const message = 'or PUSHER_HOST must be set too'
    issues.push({ code: 'custom', input: value, path: ['PUSHER_CLUSTER'], message })
  }
})

/** The names of all variables read. */
export const VARIABLES: readonly string[] = Object.keys(SETTINGS)

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
    auth: authOf(env),
    metricsToken: env.ROLLCALL_METRICS_TOKEN ?? null,
    rates: {
      requests: env.ROLLCALL_RATE_LIMIT,
      records: env.ROLLCALL_RATE_RECORDS,
      bytes: env.ROLLCALL_RATE_BYTES,
    },
    origins: env.ROLLCALL_ORIGINS,
    natsUrl: env.ROLLCALL_NATS_URL ?? null,
    mongodbUrl: env.ROLLCALL_MONGODB_URL ?? null,
    redisUrl: env.ROLLCALL_REDIS_URL ?? null,
    tellUpdates: env.ROLLCALL_TELL_UPDATES === 'true',
    natsReplicas: env.ROLLCALL_NATS_REPLICAS,
    takeOverMs: env.ROLLCALL_TAKE_OVER_MS,
    dataDir: env.ROLLCALL_DATA,
    shards: Math.min(env.ROLLCALL_SHARDS ?? cores, env.ROLLCALL_PARTITIONS),
    partitions: env.ROLLCALL_PARTITIONS,
    flushMs: env.ROLLCALL_FLUSH_MS,
    snapshots: env.ROLLCALL_SNAPSHOTS,
    zone: env.ROLLCALL_ZONE,
    inactivityMs: env.ROLLCALL_INACTIVITY_MS,
    viewingGapMs: env.ROLLCALL_VIEWING_GAP_MS,
    viewingWriteMs: env.ROLLCALL_VIEWING_WRITE_MS,
    lateMs: env.ROLLCALL_LATE_MS,
    historyMs: env.ROLLCALL_HISTORY_MS,
    trafficSource: 'given',
    streamPaths: env.ROLLCALL_STREAM_PATHS,
    countryHeader: env.ROLLCALL_COUNTRY_HEADER ?? null,
    prices: { preview: env.ROLLCALL_PRICE_PREVIEW, sd: env.ROLLCALL_PRICE_SD },
    feeds: {
      groups: env.ROLLCALL_FEED_GROUPS!,
      excludedTags: env.ROLLCALL_FEED_EXCLUDED_TAGS,
      items: env.ROLLCALL_FEED_ITEMS,
    },
    pusher: pusherOf(env),
    firebase: firebaseOf(env),
    logLevel: env.ROLLCALL_LOG_LEVEL,
  }
}

function pusherOf(env: z.output<typeof ENVIRONMENT>): PusherSettings | null {
  const { PUSHER_APP_ID: appId, PUSHER_KEY: key, PUSHER_SECRET: secret } = env
  if (!appId || !key || !secret) return null
  const { PUSHER_CLUSTER: cluster, PUSHER_HOST: host, PUSHER_PORT: port } = env
  return { appId, key, secret, cluster, host, port, tls: env.PUSHER_TLS === 'true' }
}

function firebaseOf(env: z.output<typeof ENVIRONMENT>): FirebaseSettings | null {
  const { FIREBASE_PROJECT_ID: projectId, FIREBASE_CLIENT_EMAIL: clientEmail, FIREBASE_PRIVATE_KEY: privateKey } = env
  return projectId && clientEmail && privateKey ? { projectId, clientEmail, privateKey } : null
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
