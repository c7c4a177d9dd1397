import type { Db } from 'mongodb'
import type { JetStreamPeek } from '../log/jetstream/peek.ts'
import { type KnownHolder, toldOf } from '../observe/holder.ts'
import { type Finding, message } from './finding.ts'

const PATIENCE_MS = 3_000

type Closes = (() => Promise<unknown>)[]

/** `log` null: it cannot be used. */
export async function lookAtNats(
  url: string,
  closes: Closes,
): Promise<{ findings: Finding[]; log: JetStreamPeek | null }> {
  const check = 'nats'
  try {
    const { peekAtJetStream } = await import('../log/jetstream/peek.ts')
    const log = await peekAtJetStream({ url }, PATIENCE_MS)
    closes.push(() => log.close())
    const text = `version ${log.version}`
    if (log.fault)
      return { findings: [{ check, state: 'wrong', text: `${text}, no JetStream: ${log.fault}` }], log: null }
    const findings: Finding[] = [{ check, state: 'ok', text: `${text}, JetStream is enabled` }]
    if ((log.replicas ?? 1) === 1) {
      const risk =
        'one replica: unless the server has `sync_interval: always`, which it does not tell, a power loss loses'
      findings.push({ check: 'nats durability', state: 'warning', text: `${risk} entries` })
    }
    return { findings, log }
  } catch (error) {
    return { findings: [{ check, state: 'wrong', text: message(error) }], log: null }
  }
}

interface Mongo {
  findings: Finding[]
  /** null: it cannot be used */
  db: Db | null
  /** the process that has the lease, which may be gone; null: none has */
  owner: KnownHolder | null
}

export async function lookAtMongo(url: string, closes: Closes): Promise<Mongo> {
  try {
    const { connectMongo } = await import('../mongodb/index.ts')
    const { ownerIn } = await import('../ownership/lease.ts')
    const { db, version, close } = await connectMongo(url)
    closes.push(close)
    const owner = await ownerIn(db)
    const owned = owner ? `held by ${toldOf(owner)}, which may be gone` : 'held by nobody'
    const findings: Finding[] = [
      { check: 'mongodb', state: 'ok', text: `version ${version}` },
      { check: 'lease', state: 'ok', text: owned },
    ]
    return { findings, db, owner }
  } catch (error) {
    return { findings: [{ check: 'mongodb', state: 'wrong', text: message(error) }], db: null, owner: null }
  }
}

export async function lookAtRedis(url: string): Promise<Finding> {
  const check = 'redis'
  const ioredis = await import('ioredis').catch(message)
  if (typeof ioredis === 'string') return { check, state: 'wrong', text: `its client cannot be loaded: ${ioredis}` }
  const options = { lazyConnect: true, retryStrategy: () => null, connectTimeout: PATIENCE_MS, maxRetriesPerRequest: 0 }
  const redis = new ioredis.Redis(url, { ...options, commandTimeout: PATIENCE_MS })
  let fault: Error | undefined
  redis.on('error', error => {
    fault ??= error
  })
  const at = `at ${new URL(url).host}`
  try {
    await redis.connect()
    await redis.ping()
    const version = /^redis_version:(\S+)/m.exec(await redis.info('server'))?.[1]
    return { check, state: 'ok', text: `version ${version ?? '?'} ${at}` }
  } catch (error) {
    return { check, state: 'wrong', text: `${at}: ${message(fault ?? error)}` }
  } finally {
    redis.disconnect()
  }
}
