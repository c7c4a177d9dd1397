import { constants, rmSync, writeFileSync } from 'node:fs'
import { access, mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { RollcallError } from '../errors.ts'
import { isLocked, lock, pidIn } from './lock.ts'
import { fillUp, type Look, mustBeReadable } from './readable.ts'

export interface DataDir {
  logPath: string
  statePath: string
  release(): Promise<void>
}

/** Makes the directory if need be and locks it until the process ends. Throws RC_DATA_DIR_LOCKED. */
export async function openDataDir(dir: string, look: Look = {}): Promise<DataDir> {
  const { path, release } = await locked(dir)
  if (!release) throw new RollcallError('RC_DATA_DIR_LOCKED', `${path} is open in process ${pidIn(path)}.`)
  try {
    for (const folder of ['log', 'state', 'kept'].map(name => join(path, name))) {
      await mustBeReadable(folder, look)
      fillUp(folder)
    }
  } catch (error) {
    await release()
    throw error
  }
  const pidFile = join(path, 'pid')
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })
  return {
    logPath: join(path, 'log'),
    statePath: join(path, 'state'),
    async release() {
      rmSync(pidFile, { force: true })
      await release()
    },
  }
}

/** By its real path. */
async function locked(dir: string): Promise<{ path: string; release: Awaited<ReturnType<typeof lock>> }> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    await access(dir, constants.W_OK)
    const path = await realpath(dir)
    return { path, release: await lock(path) }
  } catch (cause) {
    const { message } = cause as Error
    throw new RollcallError('RC_DATA_DIR_UNUSABLE', `ROLLCALL_DATA is ${dir}: ${message}`, { cause })
  }
}

/** The id of the process that has the directory locked; null if none has. Changes nothing. */
export async function holderOf(dir: string): Promise<string | null> {
  const path = await realpath(dir)
  return (await isLocked(path)) ? pidIn(path) : null
}
