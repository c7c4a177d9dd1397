/**
 * The door of a data directory. LMDB sets the number of the last transaction to what it read a moment before whenever a
 * process opens an environment: a commit of another process in between would be overwritten. So a process that opens asks
 * with a file; the one that writes holds still, answers with a file, and goes on when the first file is gone.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { RollcallError } from '../errors.ts'
import { systemTime, type Time } from '../time.ts'
import { isLocked } from './lock.ts'
import { isOfElsewhere, pidIn } from './pid-file.ts'

/** The one that writes holds still for so long; more of it than is needed is for a process that hangs. */
export const HELD_MS = 3_000
/** An answer that may be older is not trusted, but asked for again. */
const FRESH_MS = 1_000
const LOOK_MS = 5
/** It is asked anew, since the one that writes may be gone meanwhile. */
const ASKED_MS = 2_000
/** Time in which a process answers that runs, and one that may be gone. */
const PATIENCE_MS = { running: 10_000, perhaps: 2_000 }
const ANSWER = '.open'
/** A request is a file of such a name, and whatever else lies beside it is none. */
const REQUEST = /^[\w-]{1,64}$/

/** Another process that writes the environments of a directory: known to run, or of elsewhere and maybe gone. */
export type Writer = 'running' | 'perhaps' | 'none'

export const folderOf = (path: string): string => join(path, 'opening')
export const requestOf = (path: string, id: string): string => join(folderOf(path), id)
export const answerOf = (path: string, id: string): string => `${requestOf(path, id)}${ANSWER}`

export const makeFolder = (path: string): void => void mkdirSync(folderOf(path), { recursive: true, mode: 0o700 })

/** Ids of those who ask. */
export function requestsIn(path: string): string[] {
  if (!existsSync(folderOf(path))) return []
  const files = readdirSync(folderOf(path), { withFileTypes: true }).filter(file => file.isFile())
  return files.map(({ name }) => name).filter(name => REQUEST.test(name))
}

/** The writer, where nobody here but this process has the directory locked: a lock elsewhere is not seen. */
export const writerElsewhere = (path: string): Writer => (isOfElsewhere(path) ? 'perhaps' : 'none')

export async function writerOf(path: string): Promise<Writer> {
  return (await isLocked(path)) ? 'running' : writerElsewhere(path)
}

interface Options {
  writer?: Writer
  time?: Time
}

/**
 * Opens environments of a directory while nobody writes them; `open` does that and nothing else. RC_DATA_DIR_LOCKED if
 * a process that runs does not hold still, RC_DATA_DIR_UNUSABLE if it cannot be asked.
 */
export async function throughDoor<T>(dir: string, open: () => T | Promise<T>, options: Options = {}): Promise<T> {
  const path = await realpath(dir)
  const { time = systemTime } = options
  let writer = options.writer ?? (await writerOf(path))
  if (writer === 'none') return open()
  const until = time.monotonic() + PATIENCE_MS[writer]
  while (time.monotonic() < until) {
    const id = time.id()
    ask(path, id)
    try {
      if (await isAnswered(path, id, time, Math.min(until, time.monotonic() + ASKED_MS))) return await open()
    } finally {
      rmSync(requestOf(path, id), { force: true })
    }
    writer = options.writer ?? (await writerOf(path))
    if (writer === 'none') return open()
  }
  if (writer === 'perhaps') return open()
  const text = `${path} is open in process ${pidIn(path)}, which did not hold still for this one to open it; try again.`
  throw new RollcallError('RC_DATA_DIR_LOCKED', text)
}

function ask(path: string, id: string): void {
  try {
    makeFolder(path)
    writeFileSync(requestOf(path, id), '', { mode: 0o600 })
  } catch (cause) {
    const text = `${folderOf(path)} cannot be written to, where the process that has the directory is asked: `
    throw new RollcallError('RC_DATA_DIR_UNUSABLE', text + (cause as Error).message, { cause })
  }
}

/** False if the answer may be too old, or the request was taken away, or it is late. */
async function isAnswered(path: string, id: string, time: Time, until: number): Promise<boolean> {
  for (let looked = time.monotonic(); ; await time.sleep(LOOK_MS)) {
    const now = time.monotonic()
    if (existsSync(answerOf(path, id))) return time.monotonic() - looked < FRESH_MS
    if (!existsSync(requestOf(path, id)) || now >= until) return false
    looked = now
  }
}
