/** The pid file of a data directory: which process has it, and where that runs. */
import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const fileOf = (path: string): string => join(path, 'pid')

/** The boot and the network namespace, in which the lock of a directory is seen; empty where a file is the lock. */
function ownHost(): string {
  if (process.platform !== 'linux') return ''
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return `${boot} ${readlinkSync('/proc/self/ns/net')}`
}

/** Lines of the file: the pid, and the host of the process. Versions before wrote the pid alone. */
const linesIn = (path: string): string[] => readFileSync(fileOf(path), 'utf8').trim().split('\n')

/** The process that has it locked, or had; as it says itself. */
export function pidIn(path: string): string {
  try {
    return linesIn(path)[0]!
  } catch (error) {
    return `? (${(error as NodeJS.ErrnoException).code})`
  }
}

/** True if a process of elsewhere says that it has the directory, whose lock is not seen here. */
export function isOfElsewhere(path: string): boolean {
  try {
    return (linesIn(path)[1] ?? '') !== ownHost()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

export const writePid = (path: string): void =>
  writeFileSync(fileOf(path), `${process.pid}\n${ownHost()}\n`, { mode: 0o600 })

/** Leaves it to another process that has the directory by now. */
export function removePid(path: string): void {
  if (pidIn(path) === String(process.pid) && !isOfElsewhere(path)) rmSync(fileOf(path), { force: true })
}
