import { createHash, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { RollcallError } from '../errors.ts'
import { pidIn } from './pid-file.ts'

type Release = () => Promise<void>

const SECRET_BYTES = 32

/** Locks a directory, which is given by its real path, until the process ends; null if another one has it locked. */
export async function lock(path: string): Promise<Release | null> {
  if (process.platform !== 'linux') return lockByFile(path)
  return (await isHeldByFormer(path)) ? null : lockBySocket(socketOf(path, secretOf(path) ?? newSecret(path)))
}

/** Changes nothing. */
export async function isLocked(path: string): Promise<boolean> {
  if (process.platform !== 'linux') return isLockedByFile(path)
  const secret = secretOf(path)
  return (secret !== null && (await answers(socketOf(path, secret)))) || isHeldByFormer(path)
}

/** The directory's name in the kernel, however it was reached: nobody who cannot read its secret can take it before. */
function socketOf(path: string, secret: string): string {
  const { dev, ino } = statSync(path, { bigint: true })
  return named(`${dev}:${ino}:${secret}`)
}

const named = (text: string): string => `\0rollcall-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`

const fileOf = (path: string): string => join(path, 'lock')

/** Null where none was made yet. */
function secretOf(path: string): string | null {
  let secret: string
  try {
    secret = readFileSync(fileOf(path), 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  if (secret.length === 2 * SECRET_BYTES) return secret
  throw new RollcallError('RC_DATA_DIR_UNUSABLE', `${fileOf(path)} is damaged; remove it while no server runs.`)
}

/** Two who make it at once get the same: a link is made once, of a file that is whole. */
function newSecret(path: string): string {
  const draft = `${fileOf(path)}-${randomBytes(8).toString('hex')}`
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeFileSync(file, `${randomBytes(SECRET_BYTES).toString('hex')}\n`)
    fsyncSync(file)
    linkSync(draft, fileOf(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    closeSync(file)
    rmSync(draft)
  }
  return secretOf(path)!
}

// An abstract socket is free again the moment its process is gone, however it went.
async function lockBySocket(name: string): Promise<Release | null> {
  const server = createServer(socket => socket.destroy()).unref()
  const isTaken = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(true) : reject(error),
    )
    server.listen(name, () => resolve(false))
  })
  return isTaken ? null : () => new Promise(resolve => server.close(() => resolve()))
}

/** A process of a version that named the lock by the path alone, which anybody can, so that it has to be alive too. */
async function isHeldByFormer(path: string): Promise<boolean> {
  const pid = Number(pidIn(path))
  return pid !== process.pid && isAlive(pid) && answers(named(path))
}

function isAlive(pid: number): boolean {
  try {
    return Number.isSafeInteger(pid) && pid > 0 && process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
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

async function lockByFile(path: string): Promise<Release | null> {
  const { lock } = await import('proper-lockfile')
  return lock(path, { stale: 5_000 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOCKED') return null
    throw error
  })
}

async function isLockedByFile(path: string): Promise<boolean> {
  const { check } = await import('proper-lockfile')
  return check(path, { stale: 5_000 })
}
