import { createHash } from 'node:crypto'
import { constants, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { access, mkdir, realpath } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { RollcallError } from '../errors.ts'

export interface DataDir {
  logPath: string
  statePath: string
  release(): Promise<void>
}

/** Makes the directory if need be and locks it until the process ends. Throws RC_DATA_DIR_LOCKED. */
export async function openDataDir(dir: string): Promise<DataDir> {
  const path = await usable(dir)
  const pidFile = join(path, 'pid')
  const release = process.platform === 'linux' ? await lockBySocket(path) : await lockByFile(path)
  if (!release) throw new RollcallError('RC_DATA_DIR_LOCKED', `${path} is open in process ${pidIn(pidFile)}.`)
  writeFileSync(pidFile, `${process.pid}\n`)
  return {
    logPath: join(path, 'log'),
    statePath: join(path, 'state'),
    async release() {
      rmSync(pidFile, { force: true })
      await release()
    },
  }
}

/** Its real path. */
async function usable(dir: string): Promise<string> {
  try {
    await mkdir(dir, { recursive: true })
    await access(dir, constants.W_OK)
    return await realpath(dir)
  } catch (cause) {
    const { message } = cause as Error
    throw new RollcallError('RC_DATA_DIR_UNUSABLE', `ROLLCALL_DATA is ${dir}: ${message}`, { cause })
  }
}

/** The id of the process that has the directory locked; null if none has. Changes nothing. */
export async function holderOf(dir: string): Promise<string | null> {
  const path = await realpath(dir)
  const isLocked = process.platform === 'linux' ? await answers(socketOf(path)) : await isLockedByFile(path)
  return isLocked ? pidIn(join(path, 'pid')) : null
}

function answers(socket: string): Promise<boolean> {
  const connection = connect(socket)
  return new Promise<boolean>((resolve, reject) => {
    connection.once('connect', () => resolve(true))
    connection.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' ? resolve(false) : reject(error),
    )
  }).finally(() => connection.destroy())
}

async function isLockedByFile(path: string): Promise<boolean> {
  const { check } = await import('proper-lockfile')
  return check(path, { stale: 5_000 })
}

const socketOf = (path: string): string => `\0rollcall-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`

// An abstract socket is free again the moment its process is gone, however it went.
async function lockBySocket(path: string): Promise<(() => Promise<void>) | null> {
  const name = socketOf(path)
  const server = createServer().unref()
  const locked = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    )
    server.listen(name, () => resolve(true))
  })
  return locked ? () => new Promise(resolve => server.close(() => resolve())) : null
}

async function lockByFile(path: string): Promise<(() => Promise<void>) | null> {
  const { lock } = await import('proper-lockfile')
  return lock(path, { stale: 5_000 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOCKED') return null
    throw error
  })
}

function pidIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    return `? (${(error as NodeJS.ErrnoException).code})`
  }
}
