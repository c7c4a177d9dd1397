import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { start } from '../src/rollcall.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

const starting = (data: string, port: number) =>
  start({ ...readConfig({ ROLLCALL_DATA: data, ROLLCALL_SHARDS: '1', ROLLCALL_LOG_LEVEL: 'silent' }), port })

const portOf = ({ url }: { url: string }): number => Number(new URL(url).port)

describe('a server that ends', () => {
  test('leaves the data directory to the next', async () => {
    await (await starting(folder, 0)).close()
    await (await starting(folder, 0)).close()
  })
})

describe('a server that cannot start', () => {
  test('says that its address is taken, and gives the data directory back', async () => {
    const first = await starting(join(folder, 'a'), 0)
    const second = starting(join(folder, 'b'), portOf(first))
    await expect(second).rejects.toMatchObject({ code: 'RC_LISTEN_FAILED' })
    await first.close()
    await (await starting(join(folder, 'b'), 0)).close()
  })

  test('says that its data directory is none', async () => {
    writeFileSync(join(folder, 'file'), '')
    await expect(starting(join(folder, 'file'), 0)).rejects.toMatchObject({ code: 'RC_DATA_DIR_UNUSABLE' })
    await expect(starting(join(folder, 'file', 'below'), 0)).rejects.toMatchObject({ code: 'RC_DATA_DIR_UNUSABLE' })
  })
})
