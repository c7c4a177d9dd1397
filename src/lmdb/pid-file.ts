/** The pid file of a data directory: which process has it; beside it, where that runs, and since when. */
import { readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Holder, holderIn } from '../observe/holder.ts'

const PID = 'pid'
const HOST = 'host'
const OWNER = 'owner'
/** The facts of an owner take less. */
const MOST_BYTES = 1_024

/** Null where there is no such file. */
function textIn(path: string, name: string): string | null {
  try {
    return readFileSync(join(path, name), 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/**
 * The process, and the boot and the network namespace in which the lock of its directory is seen; the process alone where
 * a file is the lock.
 */
function hostOf(pid: string): string {
  if (process.platform !== 'linux') return pid
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return `${pid} ${boot} ${readlinkSync('/proc/self/ns/net')}`
}

/** The process that has it locked, or had; as it says itself. */
export function pidIn(path: string): string {
  try {
    return readFileSync(join(path, PID), 'utf8').trim()
  } catch (error) {
    return `? (${(error as NodeJS.ErrnoException).code})`
  }
}

/** True if a process of elsewhere, or of a version that did not say where, has the directory, whose lock is not seen here. */
export function isOfElsewhere(path: string): boolean {
  const pid = textIn(path, PID)
  return pid !== null && textIn(path, HOST) !== hostOf(pid)
}

export function writePid(path: string, holder: Holder): void {
  const pid = String(process.pid)
  const where = hostOf(pid)
  // Nothing but people look at it: it comes first, so that a full disk leaves the others as they were.
  writeFileSync(join(path, OWNER), `${JSON.stringify({ ...holder, where })}\n`, { mode: 0o600 })
  writeFileSync(join(path, HOST), `${where}\n`, { mode: 0o600 })
  writeFileSync(join(path, PID), `${pid}\n`, { mode: 0o600 })
}

/** The facts of the process that has it, or had; null if it left none: a former version, or somebody else wrote them. */
export function ownerFactsIn(path: string): Holder | null {
  const { size = 0 } = statSync(join(path, OWNER), { throwIfNoEntry: false }) ?? {}
  if (size > MOST_BYTES) return null
  const text = textIn(path, OWNER)
  const found = text === null ? undefined : jsonOf(text)
  // A process of a former version leaves those of one before it as they are, whose number it may have.
  return (found as { where?: unknown } | null)?.where === textIn(path, HOST) ? holderIn(found) : null
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Leaves it to another process that has the directory by now. */
export function removePid(path: string): void {
  if (pidIn(path) !== String(process.pid) || isOfElsewhere(path)) return
  rmSync(join(path, PID), { force: true })
  rmSync(join(path, HOST), { force: true })
  rmSync(join(path, OWNER), { force: true })
}
