import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { lookIntoFiles } from '../src/doctor/directory.ts'
import { openDataDir } from '../src/lmdb/data-dir.ts'
import { answerOf, makeFolder, requestOf, requestsIn, throughDoor, type Writer, writerOf } from '../src/lmdb/door.ts'
import { holdStill } from '../src/lmdb/holding.ts'
import { openLogEnvironment } from '../src/lmdb/index.ts'
import { probed } from '../src/lmdb/readable.ts'
import { systemTime } from '../src/time.ts'
import { ManualTime, toldFaults } from './support/time.ts'

let dir: string
let child: ChildProcess | undefined

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
})
afterEach(() => {
  child?.kill('SIGKILL')
  rmSync(dir, { recursive: true })
})

/** Starts `write-numbered`; `ended` is what it says at its end, or how it ended. */
async function writer(): Promise<{ child: ChildProcess; ended: Promise<unknown> }> {
  const started = fork(new URL('support/write-numbered.ts', import.meta.url), [dir])
  child = started
  await once(started, 'message')
  const ended = Promise.race([once(started, 'message').then(([said]) => said), once(started, 'exit')])
  return { child: started, ended }
}

const open = () => openLogEnvironment(join(dir, 'log'), { readOnly: true })

function ask(id: string): void {
  makeFolder(dir)
  writeFileSync(requestOf(dir, id), '')
}

const answered = (id: string): Promise<void> =>
  vi.waitFor(() => expect(existsSync(answerOf(dir, id))).toBe(true), { timeout: 10_000, interval: 5 })

describe('a data directory that another process writes', { timeout: 60_000 }, () => {
  test('loses nothing by being opened', async () => {
    const { child, ended } = await writer()
    for (let door = 0; door < 15; door++) {
      await throughDoor(dir, async () => {
        for (let opened = 0; opened < 100; opened++) await open().close()
      })
    }
    // A writer that found a loss has ended.
    child.send('end', () => {})
    expect(await ended).toMatchObject({ lost: null, faults: [] })
    expect(readdirSync(join(dir, 'opening'))).toEqual([])
  })

  test('is opened by many at once', async () => {
    const { child, ended } = await writer()
    const opening = Array.from({ length: 100 }, () => throughDoor(dir, async () => 'open'))
    expect(new Set(await Promise.all(opening))).toEqual(new Set(['open']))
    child.send('end')
    expect(await ended).toMatchObject({ lost: null, faults: [] })
  })

  test('is free when that ends by itself while it holds still', async () => {
    const one = fork(new URL('support/lock-until-told.ts', import.meta.url), [dir])
    child = one
    await once(one, 'message')
    await openLogEnvironment(join(dir, 'log')).close()
    ask('one')
    await answered('one')
    one.send('end')
    await once(one, 'exit')
    await (await openDataDir(dir, { faults: toldFaults() })).release()
  })

  test('is free when that is killed while it holds still', async () => {
    const { child } = await writer()
    ask('one')
    await answered('one')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const held = await openDataDir(dir, { faults: toldFaults() })
    const env = openLogEnvironment(join(dir, 'log'))
    await env.put('a', 1)
    expect([env.get('a'), requestsIn(dir)]).toEqual([1, []])
    await env.close()
    await held.release()
  })
})

describe('a process that holds still', { timeout: 60_000 }, () => {
  test('lets go of one that asked and does not open', async () => {
    await openLogEnvironment(join(dir, 'log')).close()
    ask('dead')
    let clock = 0
    const pause = (ms: number): void => {
      if (!existsSync(answerOf(dir, 'dead'))) throw new Error('there is no answer')
      clock += ms
    }
    expect(await holdStill(dir, { monotonic: () => clock, pause, isOver: () => false })).toBe(1)
    expect([clock, readdirSync(join(dir, 'opening'))]).toEqual([3_000, []])
  })

  test('goes on as soon as the last one has opened', async () => {
    await openLogEnvironment(join(dir, 'log')).close()
    const ids = ['one', 'two']
    for (const id of ids) ask(id)
    let pauses = 0
    const pause = (): void => {
      pauses++
      rmSync(requestOf(dir, ids.pop()!))
    }
    expect(await holdStill(dir, { monotonic: () => 0, pause, isOver: () => false })).toBe(0)
    expect([pauses, readdirSync(join(dir, 'opening'))]).toEqual([2, []])
  })

  test('takes nothing for a request but a file that has the name of one', async () => {
    makeFolder(dir)
    for (const name of ['.DS_Store', 'x'.repeat(250), 'one.open']) writeFileSync(requestOf(dir, name), '')
    mkdirSync(requestOf(dir, 'folder'))
    ask('one')
    expect(requestsIn(dir)).toEqual(['one'])
  })

  test('gives the directory back at once', async () => {
    const faults = toldFaults()
    const held = await openDataDir(dir, { faults })
    ask('one')
    await answered('one')
    await held.release()
    expect([faults.all, existsSync(answerOf(dir, 'one')), await writerOf(dir)]).toEqual([[], false, 'none'])
  })
})

/** Opens with a time that goes on as fast as it can, and says what came of it, and when. */
async function openedBeside(writer: Writer): Promise<[unknown, number]> {
  const time = new ManualTime()
  const opening = throughDoor(dir, () => 'open', { writer, time }).catch((error: { code: string }) => error.code)
  let said: unknown
  opening.then(result => {
    said = result
  })
  await vi.waitFor(() => expect(said !== undefined || time.timers > 0).toBe(true), { interval: 1 })
  while (said === undefined) {
    await time.advance(5)
    await time.settle(20)
  }
  return [said, time.monotonic()]
}

describe('a process that opens', () => {
  test('gives up where one that runs does not answer', async () => {
    expect(await openedBeside('running')).toEqual(['RC_DATA_DIR_LOCKED', 10_000])
    expect(requestsIn(dir)).toEqual([])
  })

  test('opens when the one that ran is gone', async () => {
    const held = await openDataDir(dir, { faults: toldFaults() })
    const time = new ManualTime()
    let said: string | undefined
    const opening = throughDoor(dir, () => 'open', { time }).then(result => {
      said = result
    })
    await vi.waitFor(() => expect(time.timers).toBe(1), { interval: 1 })
    await held.release()
    while (said === undefined) {
      await time.advance(5)
      await time.settle(20)
    }
    await opening
    expect([said, time.monotonic()]).toEqual(['open', 2_000])
  })

  test('waits a while for one that may be gone', async () => {
    expect(await openedBeside('perhaps')).toEqual(['open', 2_000])
    expect(requestsIn(dir)).toEqual([])
  })

  test('asks nobody where there is none', async () => {
    expect(await openedBeside('none')).toEqual(['open', 0])
    expect(existsSync(join(dir, 'opening'))).toBe(false)
  })

  test('does not trust an answer that may be old', async () => {
    let [clock, opened] = [0, 0]
    const time = {
      ...systemTime,
      monotonic: () => clock,
      async sleep() {
        for (const id of requestsIn(dir)) writeFileSync(answerOf(dir, id), '')
        clock += 1_000
      },
    }
    const opening = throughDoor(dir, () => opened++, { writer: 'running', time })
    await expect(opening).rejects.toMatchObject({ code: 'RC_DATA_DIR_LOCKED' })
    expect(opened).toBe(0)
  })

  test('says so where it cannot ask', async () => {
    writeFileSync(join(dir, 'opening'), '')
    const opening = throughDoor(dir, () => 'open', { writer: 'running' })
    await expect(opening).rejects.toMatchObject({ code: 'RC_DATA_DIR_UNUSABLE' })
  })

  test('is no word on a file where it may not open it', async () => {
    child = fork(new URL('support/lock-until-told.ts', import.meta.url), [dir])
    await once(child, 'message')
    const env = openLogEnvironment(join(dir, 'log'))
    await env.put('a', 1)
    await env.close()
    rmSync(join(dir, 'opening'), { recursive: true })
    writeFileSync(join(dir, 'opening'), '')
    await expect(probed(join(dir, 'log'))).rejects.toMatchObject({ code: 'RC_DATA_DIR_UNUSABLE' })
    const [said, ...others] = await lookIntoFiles(dir)
    expect([said!.text, others]).toEqual([expect.stringMatching(/cannot be written to, where/), []])
    expect(said!.text).not.toContain('repair')
  })

  test('knows from the pid whether the lock of its process would be seen', async () => {
    const held = await openDataDir(dir, { faults: toldFaults() })
    const [pid, host] = ['pid', 'host'].map(name => readFileSync(join(dir, name), 'utf8')) as [string, string]
    expect(pid).toBe(`${process.pid}\n`)
    const seen: Writer[] = [await writerOf(dir)]
    await held.release()
    writeFileSync(join(dir, 'pid'), pid)
    seen.push(await writerOf(dir))
    for (const written of [host, host.replace(/\[\d+\]/, '[1]'), host.replace(/-/, '0-'), host.replace(/\d+/, '1')]) {
      writeFileSync(join(dir, 'host'), written)
      seen.push(await writerOf(dir))
    }
    expect(seen).toEqual(['running', 'perhaps', 'none', 'perhaps', 'perhaps', 'perhaps'])
  })
})
