/** Readable: an environment whose file is what LMDB takes it for, which maps it into memory and trusts it. */
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readSync, statSync, truncateSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where in a page that describes the environment its parts are; there are two, of which the newer counts. */
const [MAGIC_AT, PAGE_SIZE_AT, LAST_PAGE_AT, NUMBER_AT, META_BYTES] = [24, 48, 144, 152, 160]
const MAGIC = 0xbeef_c0de
const [LEAST_PAGE, MOST_PAGE] = [512, 65_536]
/** More of what the probe wrote is not told. */
const TOLD = 200

/** True of what LMDB throws over a file that is none of its own, or not any more. */
export const isOfLmdb = (error: unknown): boolean => error instanceof Error && error.message.startsWith('MDB_')

/** Why the environment in the folder cannot be read, after a first look; null if nothing speaks against it. */
export async function whyUnreadable(folder: string): Promise<string | null> {
  const file = join(folder, 'data.mdb')
  const odd = oddityOf(file)
  if (!odd || (await probed(folder)) !== null) return odd
  // Pages at the end may never have been written, if they were given back at once: they are empty from here on.
  truncateSync(file, sizeOf(file))
  return null
}

/** Why not all of it can be read, after all of it was, by another process; null if it can. */
export async function probed(folder: string): Promise<string | null> {
  if (!existsSync(join(folder, 'data.mdb'))) return null
  const { spawn } = await import('node:child_process')
  const probe = fileURLToPath(new URL(`./probe${extname(import.meta.url)}`, import.meta.url))
  const child = spawn(process.execPath, [probe, folder], { stdio: ['ignore', 'ignore', 'pipe'] })
  let written = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    written = (written + text).slice(0, 10_000)
  })
  const [code, signal] = await once(child, 'close')
  if (code === 0) return null
  const [error] = /^\w*Error: .*/m.exec(written) ?? []
  return (
    oddityOf(join(folder, 'data.mdb')) ?? `cannot be read: ${(error ?? signal ?? `ended with ${code}`).slice(0, TOLD)}`
  )
}

/** A file that is not there, or empty, is made by LMDB. */
function oddityOf(file: string): string | null {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) return null
  const wanted = sizeOf(file)
  if (wanted === 0) return 'is no file of LMDB'
  return wanted > size ? `is cut off: it has ${size} bytes of ${wanted}` : null
}

/** As the file itself says; 0 if it is none of LMDB. */
function sizeOf(file: string): number {
  const opened = openSync(file, 'r')
  try {
    const first = metaAt(opened, 0)
    const pageSize = first?.pageSize ?? 0
    const isPageSize = pageSize >= LEAST_PAGE && pageSize <= MOST_PAGE && (pageSize & (pageSize - 1)) === 0
    const second = isPageSize ? metaAt(opened, pageSize) : null
    if (!first || !second) return 0
    const { lastPage } = first.number > second.number ? first : second
    return Number(lastPage + 1n) * pageSize
  } finally {
    closeSync(opened)
  }
}

function metaAt(file: number, place: number): { pageSize: number; lastPage: bigint; number: bigint } | null {
  const meta = Buffer.alloc(META_BYTES)
  if (readSync(file, meta, 0, META_BYTES, place) < META_BYTES || meta.readUInt32LE(MAGIC_AT) !== MAGIC) return null
  return {
    pageSize: meta.readUInt32LE(PAGE_SIZE_AT),
    lastPage: meta.readBigUInt64LE(LAST_PAGE_AT),
    number: meta.readBigUInt64LE(NUMBER_AT),
  }
}
