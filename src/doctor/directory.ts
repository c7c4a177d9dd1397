import { constants, existsSync } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { holderOf } from '../lmdb/data-dir.ts'
import { FREE_FLOOR_BYTES } from '../lmdb/disk.ts'
import { type Finding, message } from './finding.ts'

const CHECK = 'data directory'
const MIB = 1_048_576

/** `path` null: it is not there, or cannot be looked into. */
export async function lookAtDirectory(dir: string): Promise<{ findings: Finding[]; path: string | null }> {
  const path = resolve(dir)
  const isThere = existsSync(path)
  const present = isThere ? path : ancestorOf(path)
  try {
    if (!(await stat(present)).isDirectory()) throw new Error(`${present} is no directory`)
    await access(present, constants.R_OK | constants.W_OK | constants.X_OK)
    const space = await spaceOf(present)
    if (!isThere) return { findings: [found('ok', `${path} is not there yet; the server makes it`), space], path: null }
    const holder = await holderOf(path)
    const lock = holder ? found('warning', `${path} is locked by process ${holder}`) : found('ok', `${path} is free`)
    return { findings: [lock, space], path }
  } catch (error) {
    return { findings: [found('wrong', message(error))], path: null }
  }
}

const found = (state: Finding['state'], text: string): Finding => ({ check: CHECK, state, text })

function ancestorOf(path: string): string {
  const above = dirname(path)
  return existsSync(above) ? above : ancestorOf(above)
}

async function spaceOf(path: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(path)
  const free = bavail * bsize
  const text = `${Math.floor(free / MIB)} MiB free; below ${FREE_FLOOR_BYTES / MIB} nothing is accepted`
  return { check: 'disk space', state: free >= FREE_FLOOR_BYTES ? 'ok' : 'wrong', text }
}
