import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { KINDS } from '../actors/kinds.ts'
import { type LiveContent, type LiveSets, LiveSetsLost } from '../src/audience/index.ts'
import type { Cut } from '../src/partition/cut.ts'
import { LiveCopies } from '../src/partition/live-copies.ts'
import { NOON } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'
import { world } from './support/world.ts'

/** Sets that take nothing until they were rebuilt, and what they were given. */
function copies() {
  const made = world()
  const given: LiveContent[] = []
  let isWhole = false
  const live: LiveSets<null> = {
    async publish(partition, present, attended, other) {
      if (!isWhole) throw new LiveSetsLost(partition)
      given.push({ present, attended, ...other })
    },
    async rebuild(_partition, source) {
      for await (const content of source) given.push(content)
      isWhole = true
    },
    isCurrent: async () => isWhole,
    alive: async () => null,
    attendance: async () => null,
    close: async () => {},
  }
  const options = { partition: 0, live, documents: made.documents, isOwn: (id: string) => id !== 'other' }
  const copies = KINDS.flatMap(({ copies = [] }) => copies)
  const one = new LiveCopies({ ...options, copies, time: new ManualTime(NOON), faults: toldFaults() })
  const settled = async (): Promise<void> => {
    for (let n = 0; n < 5; n++) {
      await nextTurn()
      await one.published()
    }
  }
  const lose = (): void => {
    isWhole = false
  }
  return { ...made, one, given, settled, lose }
}

const cut = (seq: number, users: string[], more: Partial<Cut> = {}): Cut => ({
  ...{ seq, readableUntil: seq, delta: { mark: null, puts: [], removes: [] }, effects: [], writes: [], told: [] },
  news: {
    present: new Map(users.map(userId => [userId, { at: NOON, stream: 's' }])),
    attended: users.map(userId => ['s', userId]),
  },
  ...more,
})
const namesOf = (given: LiveContent[]) => given.flatMap(({ present = [] }) => present.map(({ userId }) => userId))

describe('the live sets of a partition', () => {
  test('are rebuilt at the first news, with these and the active sessions of the partition', async () => {
    const { one, given, settled, put } = copies()
    await put('sessions', 's1', { userId: 'sam', active: true })
    await put('sessions', 's2', { userId: 'other', active: true })
    one.add(cut(5, ['ann']))
    await settled()
    expect(namesOf(given)).toEqual(['ann'])
    expect(given.flatMap(({ attended = [] }) => attended)).toEqual([['s', 'ann']])
    expect(given.flatMap(({ snapshots = [] }) => snapshots)).toMatchObject([{ key: 's1', seq: 5 }])
  })

  test('then get the news alone', async () => {
    const { one, given, settled } = copies()
    one.add(cut(5, ['ann']))
    await settled()
    given.length = 0
    const set = { userId: 'ben', start: NOON, end: NOON }
    one.add(cut(6, ['ben'], { writes: [{ collection: 'viewing-sessions', id: 'x', set }] }))
    await settled()
    expect(namesOf(given)).toEqual(['ben'])
    expect(given).toMatchObject([{ viewing: [set] }])
  })

  test('that were lost are given everybody again, also without news', async () => {
    const { one, given, settled, lose } = copies()
    one.add(cut(5, ['ann']))
    one.add(cut(6, ['ben']))
    await settled()
    lose()
    given.length = 0
    one.check()
    await settled()
    expect(namesOf(given).sort()).toEqual(['ann', 'ben'])
  })
})
