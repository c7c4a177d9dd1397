import { describe, expect, test } from 'vitest'
import { Sums } from '../src/audience/sums.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import { RollcallError } from '../src/errors.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const NOON = Date.UTC(2026, 0, 1, 12)

/** Sums over documents in memory, with how often parts were read; `away` is what reading them meets. */
function setUp() {
  const [time, faults] = [new ManualTime(), toldFaults()]
  const stored = memoryDocuments({ time })
  const met = { reads: 0, away: null as Error | null }
  const documents: typeof stored = {
    ...stored,
    async find(collection, query) {
      met.reads++
      if (met.away) throw met.away
      return stored.find(collection, query)
    },
  }
  const part = (partition: number, seq: number, viewerCount: number): Promise<void> => {
    const set = { partition, seq, timestamp: NOON, viewerCount, countByUserGroup: [], countByViewingCountry: [] }
    return stored.upsertMany('statistics', [{ id: `${NOON}/${partition}`, seq, set }])
  }
  const sum = async (): Promise<unknown> => (await stored.get('statistics', String(NOON)))?.viewerCount
  return { time, faults, met, part, sum, sums: new Sums({ documents, time, faults }) }
}

describe('sums of windows', () => {
  test('are written at once, then once a second, however many partitions ask', async () => {
    const { time, met, part, sum, sums } = setUp()
    await part(0, 1, 2)
    await sums.add([NOON])
    expect([await sum(), met.reads]).toEqual([2, 1])
    await part(1, 1, 3)
    const all = [sums.add([NOON]), sums.add([NOON]), sums.add([NOON])]
    await time.advance(999)
    expect([await sum(), met.reads]).toEqual([2, 1])
    await time.advance(1)
    await Promise.all(all)
    expect([await sum(), met.reads]).toEqual([5, 2])
  })

  test('are asked for again where a part changes while they are written', async () => {
    const { time, part, sum, sums } = setUp()
    await part(0, 1, 2)
    const first = sums.add([NOON])
    await Promise.resolve()
    await part(0, 2, 7)
    const second = sums.add([NOON])
    await first
    await time.advance(1_000)
    await second
    expect(await sum()).toBe(7)
    await sums.written()
  })

  test('are tried until they are written, and those that wait do so as long', async () => {
    const { time, faults, met, part, sum, sums } = setUp()
    await part(0, 1, 2)
    met.away = new RollcallError('RC_STORE_UNAVAILABLE')
    let isWritten = false
    const added = sums.add([NOON]).then(() => {
      isWritten = true
    })
    await time.advance(10_000)
    expect([isWritten, new Set(faults.all.map(([step]) => step))]).toEqual([false, new Set(['sums of statistics'])])
    met.away = null
    await time.advance(5_000)
    await added
    expect(await sum()).toBe(2)
  })
})
