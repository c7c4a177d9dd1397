/** Looks at all that Rollcall needs and changes nothing: no claim, no stream, no file. Findings hold no secret. */
import { type Config, readConfig } from '../config.ts'
import { RollcallError } from '../errors.ts'
import { type KnownHolder, toldOf } from '../observe/holder.ts'
import { lookAtDirectory, lookIntoFiles } from './directory.ts'
import { type Finding, message } from './finding.ts'
import { comparePartitions } from './partitions.ts'
import { lookAtMongo, lookAtNats, lookAtRedis } from './servers.ts'

const OLDEST_NODE = 24

export async function* diagnose(environment: NodeJS.ProcessEnv): AsyncGenerator<Finding> {
  const isNode = Number.parseInt(process.versions.node, 10) >= OLDEST_NODE
  yield { check: 'node', state: isNode ? 'ok' : 'wrong', text: `${process.version}; ${OLDEST_NODE} or newer is needed` }
  const config = configured(environment)
  if (Array.isArray(config)) {
    yield* config
    return
  }
  yield { check: 'configuration', state: 'ok', text: 'every variable can be used' }
  const closes: (() => Promise<unknown>)[] = []
  try {
    const nats = config.natsUrl ? await lookAtNats(config.natsUrl, closes) : null
    if (nats) yield* nats.findings
    const mongo = config.mongodbUrl ? await lookAtMongo(config.mongodbUrl, closes) : null
    if (mongo) yield* mongo.findings
    if (config.redisUrl) yield await lookAtRedis(config.redisUrl)
    const directory = config.natsUrl && config.mongodbUrl ? null : await lookAtDirectory(config.dataDir)
    if (directory) yield* directory.findings
    const unreadable = directory?.path ? await lookIntoFiles(directory.path) : []
    yield* unreadable
    if (unreadable.length > 0) return
    const isMissing = (nats && !nats.log) || (mongo && !mongo.db)
    if (isMissing) yield { check: 'partitions', state: 'wrong', text: 'cannot be compared without all servers' }
    const places = [directory?.path ?? null, nats?.log ?? null, mongo?.db ?? null] as const
    const lag = isMissing ? null : yield* comparePartitions(config, ...places)
    const owner = (mongo ?? directory)?.owner
    if (owner) yield ownership(owner, lag)
  } finally {
    for (const close of closes.reverse()) await close()
  }
}

function ownership(owner: KnownHolder, lag: number | null): Finding {
  const behind = lag === null ? '' : `; ${lag} ${lag === 1 ? 'entry is' : 'entries are'} in no commit yet`
  return { check: 'owner', state: 'ok', text: `${toldOf(owner)}${behind}`, owner: { ...owner, lag } }
}

function configured(environment: NodeJS.ProcessEnv): Config | Finding[] {
  try {
    return readConfig(environment)
  } catch (error) {
    if (!(error instanceof RollcallError)) throw error
    const faults = error.faults ?? [{ path: '', message: message(error) }]
    return faults.map(({ path, message }) => ({ check: 'configuration', state: 'wrong', text: `${path}: ${message}` }))
  }
}
