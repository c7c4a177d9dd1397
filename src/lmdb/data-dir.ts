import { constants } from 'node:fs'
import { access, mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { RollcallError } from '../errors.ts'
import { type Holder, thisHolder } from '../observe/holder.ts'
import type { Faults } from '../observe/index.ts'
import { systemTime } from '../time.ts'
import { throughDoor, writerElsewhere } from './door.ts'
import { Doorkeeper, forgetRequests } from './doorkeeper.ts'
import { openBesideLock } from './index.ts'
import { isLocked, lock } from './lock.ts'
import { pidIn, removePid, writePid } from './pid-file.ts'
import { ENVIRONMENTS, fillUp, isThere, type Look, mustBeReadable } from './readable.ts'

export interface DataDir {
  logPath: string
  statePath: string
  /** this process, as it has the directory */
  holder: Holder
  release(): Promise<void>
}

interface Options extends Omit<Look, 'writer'> {
  faults: Faults
}

/** Makes the directory if need be and locks it until the process ends. Throws RC_DATA_DIR_LOCKED. */
export async function openDataDir(dir: string, { faults, ...look }: Options): Promise<DataDir> {
  const { path, release } = await locked(dir)
  if (!release) throw new RollcallError('RC_DATA_DIR_LOCKED', `${path} is open in process ${pidIn(path)}.`)
  await using opened = new AsyncDisposableStack()
  opened.defer(release)
  const writer = writerElsewhere(path)
  if (writer === 'none') forgetRequests(path)
  for (const name of ENVIRONMENTS) await mustBeReadable(join(path, name), { ...look, writer })
  // Environments that the process has open are shared by its threads, which so open none in the way of another writer.
  const open = (): (() => RootDatabase)[] => ENVIRONMENTS.flatMap(name => openIn(path, name))
  for (const each of await throughDoor(path, open, { writer })) opened.adopt(each(), env => env.close())
  const holder = thisHolder(systemTime.now())
  writePid(path, holder)
  opened.defer(() => removePid(path))
  opened.adopt(new Doorkeeper(path, faults), each => each.close())
  const rest = opened.move()
  return {
    logPath: join(path, 'log'),
    statePath: join(path, 'state'),
    holder,
    release: () => rest.disposeAsync(),
  }
}

function openIn(path: string, name: (typeof ENVIRONMENTS)[number]): (() => RootDatabase)[] {
  const folder = join(path, name)
  if (!isThere(folder)) return []
  fillUp(folder)
  return [openBesideLock(path, name)]
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
