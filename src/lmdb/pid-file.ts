/** The pid file of a data directory: which process has it; beside it, where that runs. */
import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PID = 'pid'
const HOST = 'host'

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

export function writePid(path: string): void {
  const pid = String(process.pid)
  writeFileSync(join(path, HOST), `${hostOf(pid)}\n`, { mode: 0o600 })
  writeFileSync(join(path, PID), `${pid}\n`, { mode: 0o600 })
}

/** Leaves it to another process that has the directory by now. */
export function removePid(path: string): void {
  if (pidIn(path) !== String(process.pid) || isOfElsewhere(path)) return
  rmSync(join(path, PID), { force: true })
  rmSync(join(path, HOST), { force: true })
}
