/** Readable: an environment whose file is what LMDB takes it for, which maps it into memory and trusts it. */
import { once } from 'node:events'
import { closeSync, openSync, readSync, statSync, truncateSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RollcallError } from '../errors.ts'
import type { Writer } from './door.ts'
import { type FreeList, hasFreeList } from './free-list.ts'

/** Where in a page that describes the environment its parts are; there are two, of which the newer counts. */
const [MAGIC_AT, PAGE_SIZE_AT, FREE_DEPTH_AT, FREE_ROOT_AT, LAST_PAGE_AT, NUMBER_AT] = [24, 48, 54, 88, 144, 152]
const META_BYTES = 160
const MAGIC = 0xbeef_c0de
const [LEAST_PAGE, MOST_PAGE] = [512, 65_536]
/** The probe ends so where it could not open it, as the line that it wrote says: nothing is known of the file then. */
export const SHUT = 75
/** More of what the probe wrote is not told. */
const TOLD = 200

/** Folders of a data directory, an environment each. */
export const ENVIRONMENTS = ['log', 'state', 'kept'] as const

/** True of what LMDB throws over a file that is none of its own, or not any more. */
export const isOfLmdb = (error: unknown): boolean => error instanceof Error && error.message.startsWith('MDB_')

const fileIn = (folder: string): string => join(folder, 'data.mdb')
const bytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

/** True if something was written to the environment; a file that was made and no more is none. */
export const isThere = (folder: string): boolean => bytesOf(fileIn(folder)) > 0

export interface Look {
  /** another process reads all of it, also where a first look finds nothing */
  toTheEnd?: boolean
  /** whether another one writes it; found out unless told */
  writer?: Writer
}

/** RC_DATA_DIR_UNUSABLE if the environment is there and cannot be read. */
export async function mustBeReadable(folder: string, { toTheEnd = false, writer }: Look): Promise<void> {
  const file = fileIn(folder)
  const why = toTheEnd || oddityOf(file) ? await probed(folder, writer) : null
  if (why) throw new RollcallError('RC_DATA_DIR_UNUSABLE', `${file} ${why}; rollcall doctor says what helps.`)
}

/** Pages at the end may never have been written, if they were given back at once: they are empty from here on. */
export function fillUp(folder: string): void {
  if (isThere(folder) && oddityOf(fileIn(folder))) truncateSync(fileIn(folder), sizeOf(fileIn(folder)))
}

/** True of what LMDB throws over a page that is not what another one says, or is not there. */
export const isPageDamaged = (error: unknown): boolean =>
  error instanceof Error && /^MDB_(CORRUPTED|PAGE_NOTFOUND)\b/.test(error.message)

/**
 * Why not all of it can be read, after all of it was, by another process; null if it can. Throws as `throughDoor` does
 * where it could not be opened.
 */
export async function probed(folder: string, writer?: Writer): Promise<string | null> {
  if (!isThere(folder)) return null
  const { spawn } = await import('node:child_process')
  const probe = fileURLToPath(new URL(`./probe${extname(import.meta.url)}`, import.meta.url))
  const child = spawn(process.execPath, [probe, folder, ...(writer ? [writer] : [])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let written = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    written = (written + text).slice(0, 10_000)
  })
  const [code, signal] = await once(child, 'close')
  if (code === SHUT) {
    const { code, message } = JSON.parse(written.trim().split('\n').at(-1)!) as RollcallError
    throw new RollcallError(code, message)
  }
  const odd = oddityOf(fileIn(folder))
  if (code === 0 && (odd === null || isWritable(fileIn(folder)))) return null
  const [error] = /^\w*Error: .*/m.exec(written) ?? []
  return odd ?? `cannot be read: ${(error ?? signal ?? `ended with ${code}`).slice(0, TOLD)}`
}

/** A file that is not there, or empty, is made by LMDB. */
function oddityOf(file: string): string | null {
  const size = bytesOf(file)
  if (size === 0) return null
  const wanted = sizeOf(file)
  if (wanted === 0) return 'is no file of LMDB'
  return wanted > size ? `is cut off: it has ${size} bytes of ${wanted}` : null
}

/** As the file itself says; 0 if it is none of LMDB. */
function sizeOf(file: string): number {
  const { lastPage, pageSize } = metaOf(file) ?? { lastPage: -1n, pageSize: 0 }
  return Number(lastPage + 1n) * pageSize
}

/** True if nobody needs the pages that were cut off, so that a server may go on with the file. */
function isWritable(file: string): boolean {
  const meta = metaOf(file)
  const opened = openSync(file, 'r')
  try {
    return meta !== null && hasFreeList(opened, bytesOf(file), meta)
  } finally {
    closeSync(opened)
  }
}

interface Meta extends FreeList {
  lastPage: bigint
  /** of the transaction */
  number: bigint
}

/** The newer of the two; null if the file is none of LMDB. */
function metaOf(file: string): Meta | null {
  const opened = openSync(file, 'r')
  try {
    const first = metaAt(opened, 0)
    const pageSize = first?.pageSize ?? 0
    const isPageSize = pageSize >= LEAST_PAGE && pageSize <= MOST_PAGE && (pageSize & (pageSize - 1)) === 0
    const second = isPageSize ? metaAt(opened, pageSize) : null
    if (!first || !second) return null
    return first.number > second.number ? first : second
  } finally {
    closeSync(opened)
  }
}

function metaAt(file: number, place: number): Meta | null {
  const meta = Buffer.alloc(META_BYTES)
  if (readSync(file, meta, 0, META_BYTES, place) < META_BYTES || meta.readUInt32LE(MAGIC_AT) !== MAGIC) return null
  return {
    pageSize: meta.readUInt32LE(PAGE_SIZE_AT),
    depth: meta.readUInt16LE(FREE_DEPTH_AT),
    root: meta.readBigUInt64LE(FREE_ROOT_AT),
    lastPage: meta.readBigUInt64LE(LAST_PAGE_AT),
    number: meta.readBigUInt64LE(NUMBER_AT),
  }
}
