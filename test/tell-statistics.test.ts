import { beforeEach, describe, expect, test } from 'vitest'
import type { Output } from '../src/notify/index.ts'
import { StatisticsTeller } from '../src/notify/tell-statistics.ts'
import { MINUTE, NOON } from './support/one-partition.ts'
import { world } from './support/world.ts'

const HOUR = 60 * MINUTE
const SETTLED = 10_000

let now: number
let told: Output[]
let isAway: boolean
let put: ReturnType<typeof world>['put']
let teller: StatisticsTeller
beforeEach(() => {
  ;[now, told, isAway] = [NOON, [], false]
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
    ...{ lateMs: HOUR, now: () => now, failed: () => {} },
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
    now = NOON + 5 * MINUTE + SETTLED - 1
    await teller.tell()
    expect(told).toEqual([])
    now++
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
    now = NOON + 6 * MINUTE
    await teller.tell()
    await part(0, 2, 1)
    now = NOON + HOUR + 5 * MINUTE
    await teller.tell()
    expect(told.map(({ data }) => data.viewerCount)).toEqual([2, 3])
    expect(new Set(told.map(({ id }) => id)).size).toBe(2)
  })

  test('are the same message whoever tells of them, whenever a process starts', async () => {
    await part(0, 1, 2)
    now = NOON + 6 * MINUTE
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
    await new StatisticsTeller({ ...made, outputs, lateMs: HOUR, now: () => now + HOUR, failed: () => {} }).tell()
    expect(told).toEqual([first])
  })

  test('that could not be told are told later', async () => {
    await part(0, 1, 2)
    now = NOON + 6 * MINUTE
    isAway = true
    await expect(teller.tell()).rejects.toThrow('away')
    isAway = false
    await teller.tell()
    expect(told).toHaveLength(1)
  })

  test('from before heartbeats may still come for are not looked at', async () => {
    await part(0, 1, 2)
    now = NOON + HOUR + 11 * MINUTE
    await teller.tell()
    expect(told).toEqual([])
  })
})
