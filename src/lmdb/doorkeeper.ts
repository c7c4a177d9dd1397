/** The doorkeeper, in the process that writes: looks for those who ask, and has a thread hold still for them. */
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Faults } from '../observe/index.ts'
import { type Cancel, systemTime, type Time } from '../time.ts'
import { folderOf, HELD_MS, makeFolder, requestsIn } from './door.ts'
import type { DoorkeeperData } from './doorkeeper-thread.ts'

const LOOK_MS = 100
const STEP = 'door'
/** A process that ends waits for its thread at most so long. */
const LET_GO_MS = 1_000

/** Forgets who asked a process that is gone: one that still does asks again. */
export function forgetRequests(path: string): void {
  rmSync(folderOf(path), { recursive: true, force: true })
  makeFolder(path)
}

export class Doorkeeper {
  readonly #path: string
  readonly #faults: Faults
  readonly #over = new Int32Array(new SharedArrayBuffer(8))
  readonly #cancel: Cancel
  #holding: Promise<unknown> | undefined

  constructor(path: string, faults: Faults, time: Time = systemTime) {
    this.#path = path
    this.#faults = faults
    this.#cancel = time.every(LOOK_MS, () => this.#look())
  }

  /** Lets go at once. */
  async close(): Promise<void> {
    this.#cancel()
    this.#end()
    await this.#holding
  }

  #end(): void {
    Atomics.store(this.#over, 0, 1)
    Atomics.notify(this.#over, 0)
  }

  #look(): void {
    try {
      if (this.#holding || requestsIn(this.#path).length === 0) return
      this.#holding = this.#hold().finally(() => {
        this.#holding = undefined
      })
    } catch (error) {
      this.#faults.report(STEP, error)
    }
  }

  async #hold(): Promise<void> {
    const filename = new URL(`./doorkeeper-thread${extname(import.meta.url)}`, import.meta.url)
    const workerData: DoorkeeperData = { path: this.#path, over: this.#over }
    Atomics.store(this.#over, 1, 0)
    const thread = new Worker(filename, { workerData })
    // LMDB would never let a process end of which a thread has locks.
    const atExit = (): void => {
      this.#end()
      Atomics.wait(this.#over, 1, 0, LET_GO_MS)
    }
    process.once('exit', atExit)
    thread.on('message', (late: number) => {
      const text = `${late} that asked to open the data directory did not within ${HELD_MS} ms; the writing goes on.`
      if (late > 0) this.#faults.report(STEP, new Error(text))
    })
    thread.on('error', error => this.#faults.report(STEP, error))
    await once(thread, 'exit').catch((error: unknown) => this.#faults.report(STEP, error))
    process.off('exit', atExit)
  }
}
