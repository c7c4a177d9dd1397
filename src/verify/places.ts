import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { KeptSlices } from '../checkpoint/kept.ts'
import type { Cuts } from '../checkpoint/peek.ts'
import type { Config } from '../config.ts'
import { type DocumentPeek, peekAtDocuments } from '../documents/peek.ts'
import { RollcallError } from '../errors.ts'
import { throughDoor } from '../lmdb/door.ts'
import { mustBeReadable } from '../lmdb/readable.ts'
import { type LogPeek, peekAtLog } from '../log/embedded/peek.ts'
import { openDatabase, openKeptCheckpoints, peekAtCheckpoints } from '../stores.ts'

const PATIENCE_MS = 5_000

/** All that is kept, to be looked at and not touched: no lock, no claim, no consumer. */
export interface Places {
  log: LogPeek
  cuts: Cuts
  documents: DocumentPeek
  kept: KeptSlices
}

/** Throws RC_NOT_FOUND where there is no data directory, RC_DATA_DIR_UNUSABLE where a file of it cannot be read. */
export async function openPlaces(config: Config, opened: AsyncDisposableStack): Promise<Places> {
  const { natsUrl, mongodbUrl, partitions } = config
  const path = resolve(config.dataDir)
  if (!(natsUrl && mongodbUrl) && !existsSync(path))
    throw new RollcallError('RC_NOT_FOUND', `ROLLCALL_DATA is ${path}, where nothing is.`)
  const statePath = join(path, 'state')
  const embedded = [...(natsUrl ? [] : ['log']), ...(mongodbUrl ? [] : ['state', 'kept'])]
  for (const name of embedded) await mustBeReadable(join(path, name), { toTheEnd: true })
  const settings = { natsUrl, mongodbUrl, partitions, redisUrl: null, logPath: '', statePath }
  const database = opened.adopt(await openDatabase(settings), async each => each?.close())
  const db = database?.db ?? null
  const stream = natsUrl ? opened.adopt(await openStream(natsUrl), each => each.close()) : null
  const open = async (): Promise<Places> => {
    const cuts = opened.adopt(await peekAtCheckpoints(statePath, db), each => each.close())
    const documents = opened.adopt(
      db ? (await import('../documents/mongo-peek.ts')).peekAtMongoDocuments(db) : peekAtDocuments(statePath),
      each => each.close(),
    )
    const log = stream ?? opened.adopt(await peekAtLog(join(path, 'log')), each => each.close())
    const kept = opened.adopt(await openKeptCheckpoints(statePath, db, { readOnly: true }), each => each.close())
    return { log, cuts, documents, kept }
  }
  return embedded.length > 0 ? throughDoor(path, open) : open()
}

async function openStream(natsUrl: string): Promise<LogPeek> {
  const { peekAtJetStream } = await import('../log/jetstream/peek.ts')
  const log = await peekAtJetStream({ url: natsUrl }, PATIENCE_MS)
  if (log.fault === null) return log
  await log.close()
  throw new RollcallError('RC_LOG_UNAVAILABLE', `No JetStream: ${log.fault}`)
}
