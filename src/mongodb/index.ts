/** The connection to MongoDB, or to what speaks its protocol, that checkpoints and documents share. */
import type { Db, MongoClient, MongoClientOptions } from 'mongodb'
import { RollcallError } from '../errors.ts'
import { judgeErrors } from '../observe/silence.ts'
import { guardMonitors } from './monitor.ts'
import { verdict } from './outcome.ts'

judgeErrors('mongodb', verdict)

export interface MongoConnection {
  /** of the URL, `rollcall` if it names none */
  db: Db
  /** as the server says */
  version: string
  close(): Promise<void>
}

const OPTIONS: MongoClientOptions = {
  appName: 'rollcall',
  // Every write is repeatable and repeated here: not every server knows retryable writes.
  retryWrites: false,
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
  readPreference: 'primary',
  // How soon a server that is gone or frozen is noticed: `timeoutMS` does not do it.
  ...{ serverSelectionTimeoutMS: 1_500, connectTimeoutMS: 1_500, heartbeatFrequencyMS: 1_000, socketTimeoutMS: 10_000 },
}

/** Codes and system calls of what is wrong with the URL, not with the server. */
const MISCONFIGURED: unknown[] = [13, 18, 8_000, 'ENOENT', 'EACCES']
const HOST = '(\\[[\\da-f:.]*\\]|[^@/?#:,[\\]]*)(:\\d{1,5})?'
/** Only in such a URL can nothing of a password be taken for something else, and be told. */
const UNAMBIGUOUS = new RegExp(`^mongodb(\\+srv)?://([^@/?#]*@[^@]*|${HOST}(,${HOST})*([/?][^@]*)?)$`)
const NAMES_DATABASE = /^[^:]+:\/\/[^/?]+\/[^?]/

/** Resolves when the server answered; RC_UNREACHABLE if it does not within seconds, RC_CONFIG_INVALID if it cannot. */
export async function connectMongo(url: string): Promise<MongoConnection> {
  const { MongoClient } = await import('mongodb')
  let client: MongoClient
  try {
    client = new MongoClient(url, OPTIONS)
  } catch (error) {
    const why = UNAMBIGUOUS.test(url) ? `: ${(error as Error).message}` : '; has it characters to be percent-encoded?'
    throw new RollcallError('RC_CONFIG_INVALID', `the URL of MongoDB is not valid${why}`)
  }
  guardMonitors(client)
  const { hosts, srvHost } = client.options
  try {
    const db = client.db(NAMES_DATABASE.test(url) ? undefined : 'rollcall')
    const { version, ferretdb } = await db.command({ buildInfo: 1 })
    // A gateway knows its version even when nothing is behind it.
    await db.listCollections({}, { nameOnly: true }).toArray()
    return { db, version: ferretdb ? `FerretDB ${ferretdb.version}` : version, close: () => client.close() }
  } catch (error) {
    await client.close()
    const { code, message } = error as { code?: unknown; message: string }
    const kind = MISCONFIGURED.includes(code) ? 'RC_CONFIG_INVALID' : 'RC_UNREACHABLE'
    throw new RollcallError(kind, `MongoDB at ${srvHost ?? hosts.join(',')}: ${message}`)
  }
}
