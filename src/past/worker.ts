/** The thread in which pasts are derived: it reads what the process keeps, and owns nothing. */

import type { Rules } from '../../actors/index.ts'
import { KINDS } from '../../actors/kinds.ts'
import { type ErrorCode, RollcallError } from '../errors.ts'
import { surviveDiskFaults } from '../lmdb/disk.ts'
import { type LogPeek, peekAtLog } from '../log/embedded/peek.ts'
import type { Seq } from '../log/index.ts'
import { openDatabase, openKeptCheckpoints, type StoreSettings } from '../stores.ts'
import { systemTime } from '../time.ts'
import type { DerivationParts } from './derivation.ts'
import type { Asked, Past } from './index.ts'
import { pastOf } from './past.ts'

/** An order to the worker. */
export interface Order extends Asked {
  places: StoreSettings
  rules: Rules
  /** the last entry that is read */
  until: Seq
  /** its first is no longer 0 once the thread is to end */
  stop: Int32Array
}

/** A log on a server that does not answer is waited for so long. */
const PATIENCE_MS = 5_000

let opened: (DerivationParts & AsyncDisposable) | undefined

/** The outcome of an order; an error's class would not survive the way out of the thread. */
export type Outcome = { past: Past } | { refused: { code: ErrorCode; message: string } }

/** Derives a past; with null it closes what it opened, so that the thread may be ended. */
export default async function work(order: Order | null): Promise<Outcome | null> {
  if (order === null) {
    await close()
    return null
  }
  try {
    return { past: await derived(order) }
  } catch (error) {
    // A connection that is lost stays so.
    await close()
    if (!(error instanceof RollcallError)) throw error
    return { refused: { code: error.code, message: error.message } }
  }
}

async function close(): Promise<void> {
  const former = opened
  opened = undefined
  await former?.[Symbol.asyncDispose]()
}

async function derived(order: Order): Promise<Past> {
  const { places, kind: name, ...rest } = order
  const kind = KINDS.find(each => each.kind === name)
  if (!kind) throw new RollcallError('RC_NOT_FOUND', `There are no actors of a kind ${name}.`)
  mustGoOn(order)
  opened ??= await open(places)
  const past = await pastOf({ ...rest, kind }, opened)
  mustGoOn(order)
  return past
}

function mustGoOn({ stop }: Order): void {
  if (Atomics.load(stop, 0) !== 0) throw new RollcallError('RC_CLOSING')
}

async function open(places: StoreSettings): Promise<DerivationParts & AsyncDisposable> {
  // The order that could not be carried out says why.
  surviveDiskFaults({ report() {} })
  await using parts = new AsyncDisposableStack()
  const database = parts.adopt(await openDatabase(places), async each => each?.close())
  const log = parts.adopt(await openLog(places), each => each.close())
  // This process has them open: all of its threads open them alike.
  const options = { readOnly: false }
  const kept = await openKeptCheckpoints(places.statePath, database?.db ?? null, options)
  const slices = parts.adopt(kept, each => each.close())
  const rest = parts.move()
  return { log, slices, time: systemTime, faults: { report() {} }, [Symbol.asyncDispose]: () => rest.disposeAsync() }
}

async function openLog({ natsUrl, logPath }: StoreSettings): Promise<LogPeek> {
  if (!natsUrl) return peekAtLog(logPath, { readOnly: false })
  const { peekAtJetStream } = await import('../log/jetstream/peek.ts')
  return peekAtJetStream({ url: natsUrl }, PATIENCE_MS)
}
