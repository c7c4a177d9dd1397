import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DataDir, holderOf, openDataDir } from '../src/lmdb/data-dir.ts'
import { ownerFactsIn } from '../src/lmdb/pid-file.ts'
import { thisHolder } from '../src/observe/holder.ts'
import { toldFaults } from './support/time.ts'

let folder: string
let dir: string
let ends: (() => unknown)[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  dir = join(folder, 'data')
  ends = []
})
afterEach(async () => {
  for (const end of ends) await end()
  rmSync(folder, { recursive: true })
})

async function opened(path = dir): Promise<DataDir> {
  const held = await openDataDir(path, { faults: toldFaults() })
  ends.push(() => held.release())
  return held
}

/** Whether another process can open it, which then has it to the test's end: `locked`, or the code of the refusal. */
async function elsewhere(path = dir): Promise<string> {
  const child = fork(new URL('support/lock-until-told.ts', import.meta.url), [path])
  ends.push(async () => {
    child.send('end')
    await once(child, 'exit')
  })
  return (await once(child, 'message'))[0] as string
}

/** Takes the name that versions before gave to the lock, as anybody can. */
async function squat(path: string): Promise<void> {
  const name = `\0rollcall-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`
  const server = createServer().listen(name)
  await once(server, 'listening')
  ends.push(() => server.close())
}

const modeOf = (...names: string[]): number => statSync(join(dir, ...names)).mode & 0o777

describe('a data directory', () => {
  test('is locked for other processes, whatever it is called by then', async () => {
    await opened()
    const moved = join(folder, 'moved')
    renameSync(dir, moved)
    expect(await elsewhere(moved)).toBe('RC_DATA_DIR_LOCKED')
    expect(await holderOf(moved)).toBe(String(process.pid))
    renameSync(moved, dir)
  })

  test('is open to one of many that make it at once', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => elsewhere()))
    expect(all.filter(said => said === 'locked')).toHaveLength(1)
    expect(readdirSync(dir).sort()).toEqual(['host', 'lock', 'opening', 'owner', 'pid'])
  })

  test('is free again when it is given back', async () => {
    await (await openDataDir(dir, { faults: toldFaults() })).release()
    expect([await holderOf(dir), await elsewhere()]).toEqual([null, 'locked'])
  })

  test('keeps the pid of a process that does not see its lock and has it by now', async () => {
    const held = await openDataDir(dir, { faults: toldFaults() })
    writeFileSync(join(dir, 'pid'), '7\n')
    await held.release()
    expect(readFileSync(join(dir, 'pid'), 'utf8')).toBe('7\n')
  })

  test('is not locked by the server of a directory that it is a copy of', async () => {
    await opened()
    cpSync(dir, join(folder, 'copy'), { recursive: true })
    expect(await elsewhere(join(folder, 'copy'))).toBe('locked')
  })

  test('is its owner’s alone, with all that is in it', async () => {
    await opened()
    const modes = [modeOf(), modeOf('host'), modeOf('lock'), modeOf('owner'), modeOf('pid')]
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600, 0o600])
  })

  test('says which process has it since when, which nothing says when it is given back', async () => {
    const held = await openDataDir(dir, { faults: toldFaults() })
    const known = ownerFactsIn(dir)
    await held.release()
    expect([known, ownerFactsIn(dir)]).toEqual([thisHolder(held.holder.since), null])
  })

  test.each<[string, (where: string) => unknown]>([
    ['of another process', where => ({ ...thisHolder(1), where: `${where} elsewhere` })],
    ['of a process with the same number, before one of a former version', () => thisHolder(1)],
    ['that move the cursor', where => ({ ...thisHolder(1), where, host: '\u001b[2J' })],
    ['without end', where => ({ ...thisHolder(1), where, more: 'x'.repeat(10_000) })],
    ['that are no object', () => null],
  ])('tells no facts %s', async (_name, facts) => {
    await opened()
    writeFileSync(join(dir, 'owner'), JSON.stringify(facts(readFileSync(join(dir, 'host'), 'utf8').trim())))
    expect(ownerFactsIn(dir)).toBeNull()
  })

  test('tells no facts that are no JSON', async () => {
    await opened()
    writeFileSync(join(dir, 'owner'), '{')
    expect(ownerFactsIn(dir)).toBeNull()
  })

  test('that is wider is left so', async () => {
    mkdirSync(dir)
    await opened()
    expect(modeOf()).toBe(0o755)
  })

  test('whose lock is damaged says so', async () => {
    mkdirSync(dir)
    writeFileSync(join(dir, 'lock'), 'short')
    await expect(openDataDir(dir, { faults: toldFaults() })).rejects.toMatchObject({
      code: 'RC_DATA_DIR_UNUSABLE',
      message: expect.stringContaining('remove it'),
    })
  })
})

describe.skipIf(process.platform !== 'linux')('the name of the lock', () => {
  test('cannot be taken by who knows the path', async () => {
    await squat(dir)
    expect(await elsewhere()).toBe('locked')
  })

  test('that a process of a former version holds is respected', async () => {
    mkdirSync(dir)
    writeFileSync(join(dir, 'pid'), `${process.pid}\n`)
    await squat(dir)
    expect([await elsewhere(), readdirSync(dir)]).toEqual(['RC_DATA_DIR_LOCKED', ['pid']])
  })
})
