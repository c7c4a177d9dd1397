import { describe, expect, test } from 'vitest'
import type { Disk } from '../src/bridge/disk.ts'
import { addGauges } from '../src/bridge/gauges.ts'
import type { Bridge } from '../src/bridge/index.ts'
import { looksOf } from '../src/bridge/looks.ts'
import { RollcallError } from '../src/errors.ts'
import { Exposition } from '../src/observe/exposition.ts'
import { type Far, Works } from '../src/observe/work.ts'
import { Waits } from '../src/ownership/waits.ts'
import { figure } from './support/exposition.ts'
import { ManualTime, toldFaults } from './support/time.ts'

/** The figures of a bridge whose directory is as told. */
async function figuresOf(
  directory: object,
  { far, disk = null }: { far?: Far; disk?: Disk | null } = {},
): Promise<(name: string, labels?: Record<string, string>) => number | undefined> {
  const [time, faults] = [new ManualTime(), toldFaults()]
  const exposition = new Exposition({ time, faults })
  const owner = { audience: async () => ({ all: { alive: 9, attendance: 9 }, bySession: [] }) }
  const documents = { find: async () => [{}, {}] }
  const works = new Works(time)
  if (far) works.begin('adoption', 'documents', () => far)
  const known = { documents, directory: { failing: null, waits: 0, owner, ...directory }, time }
  const looks = looksOf(known as unknown as Bridge, async () => disk)
  const bridge = { ...known, works, looks, exposition, settings: { partitions: 2 } }
  addGauges(bridge as unknown as Bridge)
  const text = await exposition.text()
  expect(faults.all).toEqual([])
  return (name, labels) => figure(text, `rollcall_${name}`, labels)
}

const stateOf = (partition: number, code?: string) => ({ partition, stopped: code ? { code, message: '' } : null })

describe('the figures of a process', () => {
  test('tell of partitions, viewers and sessions where it owns the partitions', async () => {
    const states = [stateOf(0), stateOf(1, 'RC_SHARD_LOST')]
    const figureOf = await figuresOf({ isOwn: true, states })
    expect(figureOf('owner')).toBe(1)
    expect(figureOf('owned_by_somebody')).toBe(1)
    expect(figureOf('ready')).toBe(0)
    expect(figureOf('partition_running', { partition: '0' })).toBe(1)
    expect(figureOf('partition_running', { partition: '1' })).toBe(0)
    for (const partition of [0, 1]) expect(figureOf('partition_stopped', { partition: `${partition}` })).toBe(partition)
    expect(figureOf('viewers_alive')).toBe(9)
    expect(figureOf('sessions_live')).toBe(2)
    expect(figureOf('disk_free_bytes')).toBeUndefined()
  })

  test('tell of itself alone where another one does', async () => {
    const figureOf = await figuresOf({ isOwn: false, states: [stateOf(0), stateOf(1)] })
    expect([figureOf('owner'), figureOf('owned_by_somebody'), figureOf('ready')]).toEqual([0, 1, 1])
    for (const name of ['partition_running', 'viewers_alive', 'sessions_live']) expect(figureOf(name)).toBeUndefined()
  })

  test('say how far long work is, of the process and of its partitions', async () => {
    const work = [{ name: 'replay', unit: 'entries', done: 3, total: 8, since: 2_000 }]
    const figureOf = await figuresOf(
      {
        isOwn: true,
        states: [
          { ...stateOf(0), work },
          { ...stateOf(1), work },
        ],
      },
      { far: { done: 5, total: null } },
    )
    expect(figureOf('work_done', { work: 'replay' })).toBe(6)
    expect(figureOf('work_size', { work: 'replay' })).toBe(16)
    expect(figureOf('work_since_timestamp_seconds', { work: 'replay' })).toBe(2)
    expect(figureOf('work_done', { work: 'adoption' })).toBe(5)
    expect(figureOf('work_size', { work: 'adoption' })).toBeUndefined()
  })

  test('tell a partition that is replayed from one that stopped', async () => {
    const figureOf = await figuresOf({ isOwn: true, states: [stateOf(0, 'RC_NOT_READY')] })
    expect([figureOf('partition_running'), figureOf('partition_stopped')]).toEqual([0, 0])
  })

  test('tell of long work of the partitions where it is done, and not once more for each bridge', async () => {
    const work = [{ name: 'replay', unit: 'entries', done: 3, total: 8, since: 2_000 }]
    const figureOf = await figuresOf(
      { isOwn: false, states: [{ ...stateOf(0), work }] },
      { far: { done: 5, total: null } },
    )
    expect(figureOf('work_done', { work: 'replay' })).toBeUndefined()
    expect(figureOf('work_done', { work: 'adoption' })).toBe(5)
  })

  test.each([
    ['its log', { logBytes: 5, stateBytes: null }],
    ['its state', { logBytes: null, stateBytes: 5 }],
  ])('tell of free space where %s alone is on this disk', async (_, sizes) => {
    const figureOf = await figuresOf({ isOwn: false, states: [] }, { disk: { freeBytes: 9, ...sizes } })
    expect([figureOf('disk_free_bytes'), figureOf('log_bytes') ?? null, figureOf('state_bytes') ?? null]) //
      .toEqual([9, sizes.logBytes, sizes.stateBytes])
  })

  test('say where nobody owns the partitions', async () => {
    const states = [stateOf(0, 'RC_NO_OWNER'), stateOf(1, 'RC_NO_OWNER')]
    const figureOf = await figuresOf({ isOwn: false, states })
    expect([figureOf('owned_by_somebody'), figureOf('ready')]).toEqual([0, 0])
  })

  test('come without what the owner cannot say just now', async () => {
    const audience = async () => Promise.reject(new RollcallError('RC_SHARD_LOST'))
    const figureOf = await figuresOf({ isOwn: true, states: [stateOf(0)], owner: { audience } })
    expect(figureOf('viewers_alive')).toBeUndefined()
    expect(figureOf('sessions_live')).toBe(2)
  })

  test('count the requests that wait, until they wait no more', async () => {
    const waits = new Waits(new ManualTime())
    const ended = Promise.withResolvers<void>()
    const held = [waits.hold(null, () => ended.promise), waits.hold('ann', () => ended.promise)]
    expect(waits.size).toBe(2)
    expect((await figuresOf({ isOwn: false, states: [], waits: waits.size }))('waits')).toBe(2)
    ended.resolve()
    await Promise.all(held)
    expect(waits.size).toBe(0)
  })
})
