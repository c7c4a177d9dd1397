import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoints } from '../../src/checkpoint/embedded/index.ts'
import type { CheckpointStore } from '../../src/checkpoint/index.ts'
import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import { openDocuments } from '../../src/documents/embedded.ts'
import type { DocumentStore } from '../../src/documents/index.ts'
import { memoryDocuments } from '../../src/documents/memory.ts'
import { JOINT_MS } from '../../src/log/batches.ts'
import { openLog } from '../../src/log/embedded/writer.ts'
import type { EventLog } from '../../src/log/index.ts'
import { LogInMemory } from '../../src/log/memory.ts'
import { ManualTime } from '../support/time.ts'
import { Reach } from './reach.ts'

export interface Stores {
  log: EventLog
  store: CheckpointStore
  documents: DocumentStore
  close(): Promise<void>
}

/** A place where all is kept that outlives processes, which open it one after the other. */
export interface Place {
  open(time: ManualTime): Promise<Stores>
  /** Lets time go on, and whatever the stores wait for. */
  pass(time: ManualTime, ms: number): Promise<void>
  remove(): void
}

export type Fill = (stores: Stores, pass: (ms: number) => Promise<void>) => Promise<void>

/** Makes places that are all filled alike. */
export type Places = (fill: Fill) => () => Promise<Place>

export const inMemory: Places = fill => async () => {
  const made = new ManualTime()
  const held = new LogInMemory({ partitions: 1, settings: {}, time: made })
  const [store, documents] = [memoryCheckpoints(), memoryDocuments({ time: made })]
  const place: Place = {
    open: async time => ({ log: held.open({ time }), store, documents, close: async () => {} }),
    pass: (time, ms) => time.advance(ms),
    remove() {},
  }
  await fill(await place.open(made), ms => place.pass(made, ms))
  return place
}

export const onDisk: Places = fill => {
  const at = (folder: string): Place => {
    let reach: Reach
    return {
      async open(time) {
        const log = await openLog(join(folder, 'log'), 1, {}, time)
        const state = join(folder, 'state')
        const [documents, store] = [openDocuments({ path: state }), openCheckpoints(state)]
        const own = new Reach()
        reach = own
        const close = async (): Promise<void> => {
          await Promise.all([own.end(), time.advance(JOINT_MS)])
          await Promise.all([log, documents, store].map(each => each.close()))
        }
        return { log: own.to(log), store: own.to(store), documents: own.to(documents), close }
      },
      async pass(time, ms) {
        await time.advance(ms - JOINT_MS)
        // The time of a test stands still while the disk takes its own, but for what the log waits for others to come.
        await Promise.all([reach.settled(), time.advance(JOINT_MS)])
      },
      remove: () => rmSync(folder, { recursive: true }),
    }
  }
  const fresh = (): string => mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  const first = fresh()
  process.once('exit', () => rmSync(first, { recursive: true, force: true }))
  let filled: Promise<void> | undefined
  return async () => {
    filled ??= (async () => {
      const [place, time] = [at(first), new ManualTime()]
      const stores = await place.open(time)
      await fill(stores, ms => place.pass(time, ms))
      await stores.close()
    })()
    await filled
    const folder = fresh()
    cpSync(first, folder, { recursive: true })
    return at(folder)
  }
}
