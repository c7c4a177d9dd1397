import { cpSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStateEnvironment } from '../src/lmdb/index.ts'
import { fillUp, mustBeReadable, probed } from '../src/lmdb/readable.ts'

const PAGE = 4_096
const KEPT = 30

describe('a file of LMDB that lost the end of its free list', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-free-list-'))
  const file = join(folder, 'data.mdb')
  const cut = (pages: number): string => {
    const copy = mkdtempSync(join(folder, 'cut-'))
    cpSync(file, join(copy, 'data.mdb'))
    truncateSync(join(copy, 'data.mdb'), pages * PAGE)
    return copy
  }
  let pages: number

  beforeAll(async () => {
    const env = openStateEnvironment(folder)
    const table = env.openDB<string, number>('table', {})
    const numbers = Array.from({ length: 6_000 }, (_, i) => i)
    await Promise.all(numbers.map(i => table.put(i, 'x'.repeat(i < KEPT ? 10 : 3_000))))
    for (const third of [0, 1, 2])
      await Promise.all(numbers.filter(i => i >= KEPT && i % 3 === third).map(i => table.remove(i)))
    await env.close()
    pages = statSync(file).size / PAGE
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('is refused, although all that is in its tables can be read', async () => {
    expect(await probed(cut(pages))).toBeNull()
    const short = cut(pages - 1)
    expect(await probed(short)).toMatch(/^is cut off: /)
    await expect(mustBeReadable(short, {})).rejects.toMatchObject({ code: 'RC_DATA_DIR_UNUSABLE' })
    fillUp(short)
    expect(statSync(join(short, 'data.mdb')).size).toBe(pages * PAGE)
    const env = openStateEnvironment(short)
    expect(env.openDB('table', {}).getCount()).toBe(KEPT)
    await env.close()
  })
})
