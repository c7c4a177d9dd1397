import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Output } from '../src/notify/index.ts'
import { StatisticsTeller } from '../src/notify/tell-statistics.ts'
import { MINUTE, NOON } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'
import { world } from './support/world.ts'

const HOUR = 60 * MINUTE
const SETTLED = 10_000

let time: ManualTime
let faults: ReturnType<typeof toldFaults>
let told: Output[]
let isAway: boolean
let put: ReturnType<typeof world>['put']
let teller: StatisticsTeller
beforeEach(() => {
  ;[time, told, isAway] = [new ManualTime(NOON), [], false]
  faults = toldFaults()
  const made = world()
  put = made.put
  teller = new StatisticsTeller({
    documents: made.documents,
    outputs: {
      async publish(output) {
        if (isAway) throw new Error('away')
        told.push(output)
        return 'sent'
      },
    },
    ...{ lateMs: HOUR, time, faults },
  })
})

/** A partition's part of the window that starts `minutes` after noon. */
const part = (minutes: number, partition: number, viewerCount: number): Promise<void> =>
  put('statistics', `${NOON + minutes * MINUTE}/${partition}`, {
    ...{ partition, timestamp: NOON + minutes * MINUTE, viewerCount },
    ...{ countByUserGroup: [['vip', viewerCount]], countByViewingCountry: [['TW', viewerCount]] },
  })

describe('the statistics of five minutes', () => {
  test('are told over all partitions, once, when they are over', async () => {
    await part(0, 1, 2)
    await part(0, 2, 3)
    time.set(NOON + 5 * MINUTE + SETTLED - 1)
    await teller.tell()
    expect(told).toEqual([])
    time.set(time.now() + 1)
    await teller.tell()
    await teller.tell()
    const data = { viewerCount: 5, timestamp: NOON, countByUserGroup: { vip: 5 }, countByViewingCountry: { TW: 5 } }
    expect(told).toEqual([
      {
        ...{ id: expect.stringMatching(new RegExp(`^statistics/${NOON}:[0-9a-f]{16}$`)), type: 'rollcall.statistics' },
        ...{ source: '/statistics', at: NOON + 5 * MINUTE, data },
      },
    ])
  })

  test('are told again, as another message, when late heartbeats changed them', async () => {
    await part(0, 1, 2)
    time.set(NOON + 6 * MINUTE)
    await teller.tell()
    await part(0, 2, 1)
    time.set(NOON + HOUR + 5 * MINUTE)
    await teller.tell()
    expect(told.map(({ data }) => data.viewerCount)).toEqual([2, 3])
    expect(new Set(told.map(({ id }) => id)).size).toBe(2)
  })

  test('are the same message whoever tells of them, whenever a process starts', async () => {
    await part(0, 1, 2)
    time.set(NOON + 6 * MINUTE)
    await teller.tell()
    const [first] = told.splice(0)
    const outputs = {
      async publish(output: Output) {
        told.push(output)
        return 'sent' as const
      },
    }
    const made = world()
    await made.put('statistics', `${NOON}/1`, {
      ...{ partition: 1, timestamp: NOON, viewerCount: 2 },
      ...{ countByUserGroup: [['vip', 2]], countByViewingCountry: [['TW', 2]] },
    })
    time.set(time.now() + HOUR)
    const { documents } = made
    await new StatisticsTeller({ documents, outputs, lateMs: HOUR, time, faults }).tell()
    expect(told).toEqual([first])
  })

  test('that could not be told are told later', async () => {
    await part(0, 1, 2)
    time.set(NOON + 6 * MINUTE)
    isAway = true
    await expect(teller.tell()).rejects.toThrow('away')
    isAway = false
    await teller.tell()
    expect(told).toHaveLength(1)
  })

  test('are looked at every half minute until it is closed, and a fault of that is reported', async () => {
    await part(0, 1, 2)
    time.set(NOON + 6 * MINUTE)
    isAway = true
    teller.start()
    await vi.waitFor(() => expect(faults.all).toEqual([['statistics', new Error('away')]]))
    isAway = false
    await time.advance(MINUTE / 2 - 1)
    expect([told, faults.all.length]).toEqual([[], 1])
    await time.advance(1)
    await vi.waitFor(() => expect(told).toHaveLength(1))
    await teller.close()
    expect(time.timers).toBe(0)
  })

  test('from before heartbeats may still come for are not looked at', async () => {
    await part(0, 1, 2)
    time.set(NOON + HOUR + 11 * MINUTE)
    await teller.tell()
    expect(told).toEqual([])
  })
})
