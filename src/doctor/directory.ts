import { constants, existsSync, lstatSync, readdirSync } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { holderOf } from '../lmdb/data-dir.ts'
import { FREE_FLOOR_BYTES } from '../lmdb/disk.ts'
import { ownerFactsIn } from '../lmdb/pid-file.ts'
import { probed } from '../lmdb/readable.ts'
import { type KnownHolder, UNTOLD } from '../observe/holder.ts'
import { type Finding, message } from './finding.ts'

const CHECK = 'data directory'
const MIB = 1_048_576
/** Bits of a mode that let others than the owner in. */
const OTHERS = 0o077

interface Directory {
  findings: Finding[]
  /** null: it is not there, or cannot be looked into */
  path: string | null
  /** the process that has it; null: none has */
  owner: KnownHolder | null
}

export async function lookAtDirectory(dir: string): Promise<Directory> {
  const path = resolve(dir)
  const isThere = existsSync(path)
  const present = isThere ? path : ancestorOf(path)
  try {
    if (!(await stat(present)).isDirectory()) throw new Error(`${present} is no directory`)
    await access(present, constants.R_OK | constants.W_OK | constants.X_OK)
    const space = await spaceOf(present)
    const absent = found('ok', `${path} is not there yet; the server makes it`)
    if (!isThere) return { findings: [absent, space], path: null, owner: null }
    const holder = await holderOf(path)
    const lock = holder ? found('warning', `${path} is locked by process ${holder}`) : found('ok', `${path} is free`)
    const owner = holder === null ? null : (ownerFactsIn(path) ?? UNTOLD)
    return { findings: [lock, ...widthOf(path), space], path, owner }
  } catch (error) {
    return { findings: [found('wrong', message(error))], path: null, owner: null }
  }
}

const FROM_COPY = 'stop all servers and put `log` and `state` back from a copy; without one: move'
/** Help where a file cannot be read at all. */
const HELP = {
  log: `${FROM_COPY} \`log\` away and run \`rollcall repair\`, by which what the checkpoint does not have is lost`,
  state: `${FROM_COPY} \`state\` away, by which users, followers and all else that is in no log are lost; the log brings back what it holds`,
  kept: 'stop all servers and move `kept` away; only `rollcall verify` reads it, and the server makes a new one',
}

/** Files that cannot be read, as a process of its own finds, which may be ended by them. */
export async function lookIntoFiles(path: string): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const name of ['log', 'state', 'kept'] as const) {
    try {
      const why = await probed(join(path, name))
      if (why) findings.push(found('wrong', `${join(path, name, 'data.mdb')} ${why}; ${HELP[name]}`))
    } catch (error) {
      return [...findings, found('wrong', message(error))]
    }
  }
  return findings
}

const found = (state: Finding['state'], text: string): Finding => ({ check: CHECK, state, text })

function ancestorOf(path: string): string {
  const above = dirname(path)
  return existsSync(above) ? above : ancestorOf(above)
}

/** Warns of what Rollcall makes for its user alone and others can read or write. */
function widthOf(path: string): Finding[] {
  const namesIn = (folder: string): string[] => {
    const there = existsSync(join(path, folder)) ? readdirSync(join(path, folder)) : []
    return there.map(name => join(folder, name))
  }
  const made = [
    '.',
    'host',
    'lock',
    'opening',
    'owner',
    'pid',
    ...['log', 'state', 'kept'].flatMap(folder => [folder, ...namesIn(folder)]),
  ]
  const wide = made.filter(name => (lstatSync(join(path, name), { throwIfNoEntry: false })?.mode ?? 0) & OTHERS)
  if (wide.length === 0) return []
  const mends = `chmod -R go= '${path.replaceAll("'", `'\\''`)}'`
  return [found('warning', `others than its user have a right to ${wide.join(', ')}; ${mends} takes it`)]
}

async function spaceOf(path: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(path)
  const free = bavail * bsize
  const text = `${Math.floor(free / MIB)} MiB free; below ${FREE_FLOOR_BYTES / MIB} nothing is accepted`
  return { check: 'disk space', state: free >= FREE_FLOOR_BYTES ? 'ok' : 'wrong', text }
}
