import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { diskOf } from '../src/bridge/disk.ts'
import { isStrayDiskFault, spaceAt } from '../src/lmdb/disk.ts'
import { locateStores, openOwnLog, openStores, type StoreSettings } from '../src/stores.ts'
import { systemTime } from '../src/time.ts'
import { toldFaults } from './support/time.ts'

/** A process that keeps things in a fresh folder, but for what is on servers, which nobody asks. */
async function located(urls: { natsUrl: string | null; mongodbUrl: string | null }): Promise<StoreSettings> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const { places, close } = await locateStores(
    { ...{ dataDir, partitions: 1, redisUrl: null }, ...urls },
    { faults: toldFaults() },
  )
  onTestFinished(close)
  if (!urls.natsUrl) {
    const { log } = await openOwnLog(places, {})
    onTestFinished(() => log.close())
  }
  if (!urls.mongodbUrl) onTestFinished((await openStores(places)).close)
  return places
}

describe('the room of a process', () => {
  const [natsUrl, mongodbUrl] = ['nats://127.0.0.1:1', 'mongodb://127.0.0.1:1']

  test.each([
    ['log and state', { natsUrl: null, mongodbUrl: null }, 'number', 'number'],
    ['its state where NATS has the log', { natsUrl, mongodbUrl: null }, 'object', 'number'],
    ['its log where MongoDB has the state', { natsUrl: null, mongodbUrl }, 'number', 'object'],
  ])('is what is free, and taken by %s', async (_, urls, log, state) => {
    const disk = await diskOf(await located(urls))
    expect(disk!.freeBytes).toBeGreaterThan(0)
    expect([typeof disk!.logBytes, typeof disk!.stateBytes]).toEqual([log, state])
    expect(disk!.logBytes ?? disk!.stateBytes).toBeGreaterThan(0)
  })

  test('is none where all is on servers', async () => {
    expect(await diskOf(await located({ natsUrl, mongodbUrl }))).toBeNull()
  })

  test('does not count what a log left behind that moved to a server', async () => {
    const places = await located({ natsUrl: null, mongodbUrl: null })
    expect(await diskOf({ ...places, natsUrl })).toMatchObject({ logBytes: null })
  })
})

describe('a disk', () => {
  test('has space for input while it is above the floor', () => {
    expect(spaceAt(tmpdir(), systemTime)()).toBe(true)
  })

  test.each([
    'Commit failed (see commitError for details)',
    'No space left on device: Attempting to write page at position 57344, size 208896',
    'Input/output error',
  ])('that fails is known by %j', message => {
    expect(isStrayDiskFault(new Error(message))).toBe(true)
  })

  test.each(['Input refused', 'the commit failed', ''])('is not blamed for %j', message => {
    expect(isStrayDiskFault(new Error(message))).toBe(false)
  })
})
