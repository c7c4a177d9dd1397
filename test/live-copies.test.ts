import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { KINDS } from '../actors/kinds.ts'
import { viewer } from '../actors/viewer.ts'
import { type LiveContent, type LiveSets, LiveSetsLost, type ViewingSession } from '../src/audience/index.ts'
import { RedisError } from '../src/audience/redis-connection.ts'
import { Meter } from '../src/observe/meter.ts'
import type { Cut } from '../src/partition/cut.ts'
import { LiveCopies } from '../src/partition/live-copies.ts'
import { News } from '../src/partition/live-news.ts'
import { NOON } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'
import { world } from './support/world.ts'

/** Sets that take nothing until they were rebuilt, and what they were given. */
function copies() {
  const made = world()
  const given: LiveContent[] = []
  const state = { isWhole: false, isAway: false, heldUntil: 4, present: [] as string[], refuses: false }
  let scripts = 0
  const reach = (): void => {
    if (state.refuses) throw Object.assign(new RedisError(REPLY), { message: `script ${++scripts}` })
    if (state.isAway) throw new Error('away')
  }
  const live: LiveSets<null> = {
    isShared: true,
    async publish(partition, present, attended, other, cuts) {
      reach()
      if (!state.isWhole || cuts!.from !== state.heldUntil) throw new LiveSetsLost(partition)
      given.push({ present, attended, ...other })
      state.heldUntil = cuts!.to
    },
    async rebuild(_partition, source, cut) {
      for await (const content of source) given.push(content)
      Object.assign(state, { isWhole: true, heldUntil: cut })
    },
    isCurrent: async () => state.isWhole,
    async holds(_partition, cut) {
      reach()
      return state.heldUntil === cut
    },
    alive: async () => null,
    close: async () => {},
  }
  const options = { partition: 0, live, documents: made.documents, isOwn: (id: string) => id !== 'other', cut: 4 }
  const copies = KINDS.flatMap(({ copies = [] }) => copies)
  const attendance = async function* () {
    yield EVERYBODY
  }
  const presence = async function* () {
    yield { present: state.present.map(userId => ({ userId, at: NOON, stream: null })) }
  }
  const meter = new Meter()
  const faults = toldFaults()
  const one = new LiveCopies({
    ...options,
    copies,
    presence,
    attendance,
    time: new ManualTime(NOON),
    faults,
    meter,
  })
  const settled = async (): Promise<void> => {
    for (let n = 0; n < 5; n++) {
      await nextTurn()
      await one.published()
    }
  }
  return { ...made, one, given, settled, state, told: faults.all }
}

const REPLY = Object.assign(new Error('READONLY You cannot.'), { name: 'ReplyError' })
const EVERYBODY: LiveContent = { attended: [[null, 'everybody']] }

const cut = (seq: number, users: string[], more: Partial<Cut> = {}): Cut => ({
  ...{
    seq,
    size: { events: 1, actors: 0 },
    readableUntil: seq,
    delta: { mark: null, puts: [], removes: [] },
    effects: [],
    writes: [],
    told: [],
  },
  news: {
    heard: [],
    present: new Map(users.map(userId => [userId, { userId, at: NOON, stream: 's' }])),
    attended: users.map(userId => ['s', userId]),
    streams: new Map(),
  },
  changed: [],
  ...more,
})
const watching = ({ userId, start, end }: ViewingSession) => ({
  ...{ kind: viewer, key: userId, kept: { runs: [{ start, end, written: end }] } },
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
    one.add(cut(6, ['ben'], { changed: [watching(set)] }))
    await settled()
    expect(namesOf(given)).toEqual(['ben'])
    expect(given).toMatchObject([{ viewing: [set] }])
  })

  test('that were lost are given everybody again, also without news', async () => {
    const { one, given, settled, state } = copies()
    one.add(cut(5, ['ann']))
    one.add(cut(6, ['ben']))
    await settled()
    Object.assign(state, { isWhole: false, present: ['ann', 'ben'] })
    given.length = 0
    one.check()
    await settled()
    expect(namesOf(given).sort()).toEqual(['ann', 'ben'])
    expect(given).not.toContain(EVERYBODY)
  })

  test.each([
    ['lack what former owners should have published', 3, false],
    ['were away for some commits', 4, true],
  ])('that %s are given all who attended', async (_, heldUntil, isAway) => {
    const { one, given, settled, state } = copies()
    Object.assign(state, { heldUntil, isAway })
    one.add(cut(5, ['ann']))
    await settled()
    state.isAway = false
    one.add(cut(6, ['ben']))
    await settled()
    expect(given).toContain(EVERYBODY)
    given.length = 0
    one.add(cut(7, ['eve']))
    await settled()
    expect(given).toMatchObject([{ present: [{ userId: 'eve' }], attended: [['s', 'eve']] }])
  })

  test('follow each commit, also those without news, so that no restart has to tell all again', async () => {
    const { one, settled, state } = copies()
    one.add(cut(5, ['ann']))
    one.add(cut(6, []))
    await settled()
    expect(state.heldUntil).toBe(6)
  })

  test('that were away are told what was written meanwhile, as it is by then', async () => {
    const { one, given, settled, state, put } = copies()
    one.add(cut(5, ['ann']))
    await settled()
    state.isAway = true
    await put('actors', 'visitor/v', { value: 'active' })
    await put('sessions', 's1', { userId: 'sam', active: false })
    const run = { userId: 'ann', start: NOON, end: NOON }
    one.add(
      cut(6, [], {
        writes: [
          { collection: 'actors', id: 'visitor/v', set: { value: 'unknown' } },
          { collection: 'sessions', id: 's1', set: {} },
        ],
        changed: [watching(run)],
      }),
    )
    await settled()
    Object.assign(state, { isAway: false, isWhole: false })
    given.length = 0
    one.check()
    await settled()
    expect(given.flatMap(({ actors = [] }) => actors)).toEqual([{ id: 'visitor/v', document: { value: 'active' } }])
    expect(given.flatMap(({ snapshots = [] }) => snapshots)).toMatchObject([{ key: 's1' }])
    expect(given.flatMap(({ viewing = [] }) => viewing)).toEqual([run])
  })

  test('hold what a commit wrote of actors', async () => {
    const { one, given, settled, state } = copies()
    state.isWhole = true
    one.add(cut(5, [], { writes: [{ collection: 'actors', id: 'visitor/v', set: { value: 'active' } }] }))
    await settled()
    expect(given).toMatchObject([{ actors: [{ id: 'visitor/v', document: { value: 'active' } }] }])
  })

  test('that take no writes are told of once, and once more if they do so again', async () => {
    const { one, settled, state, told } = copies()
    let seq = 4
    const commits = async (): Promise<void> => {
      for (let n = 0; n < 5; n++) {
        one.add(cut(++seq, ['ann']))
        await settled()
      }
    }
    state.refuses = true
    await commits()
    expect(told).toEqual([['live sets', expect.objectContaining({ code: 'READONLY' })]])
    state.refuses = false
    await commits()
    state.refuses = true
    await commits()
    expect(told).toHaveLength(2)
  })
})

test('news of a viewer who stays are held once, as of last, however many commits wait', () => {
  const news = new News()
  const [former, latest] = [NOON, NOON + 1].map(at => ({ userId: 'a', at, stream: 's' }))
  for (const presence of [former!, former!, latest!]) {
    const { news: own } = cut(1, [])
    news.addPresent({ news: { ...own, heard: [presence] } })
  }
  expect(news.heard).toEqual([latest])
  expect(news.heard[0]).toBe(latest)
})
