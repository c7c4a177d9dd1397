import { beforeEach, describe, expect, test } from 'vitest'
import { visitor } from '../actors/visitor.ts'
import { changedChunks, type ShownChunk } from '../actors/visitor-day-documents.ts'
import { standing, type VisitorDay } from '../machines/visitor-day.ts'
import { CHUNK, emptyDay, placed, type Visit, visitsOf } from '../machines/web-sessions.ts'
import { memoryDocuments } from '../src/documents/memory.ts'
import { Projections, project } from '../src/partition/projections.ts'
import { seeded } from './support/random.ts'
import { ManualTime } from './support/time.ts'

const rules = { zone: 'UTC', inactivityMs: 1_800_000 }
const DAY = '2026-01-01'
const START = Date.UTC(2026, 0, 1)
const empty: VisitorDay = { ...emptyDay('v', DAY, 'first'), standings: [] }

const grown = (day: VisitorDay, visits: Visit[]): VisitorDay =>
  standing(day, placed(day, visits, rules.inactivityMs), START, rules)

const visits = (count: number, source: (i: number) => string | undefined = () => undefined): Visit[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ id: `e${String(i).padStart(5, '0')}`, ts: START + i * 1_000, page: '/' },
    ...(source(i) && { source: { source: source(i)! } }),
  }))

/** Documents of a day after each of its steps, by what was written alone. */
class Shown {
  readonly chunks: ShownChunk[] = []
  day = empty

  /** The chunks that were written. */
  take(more: Visit[]): number[] {
    const next = grown(this.day, more)
    const changed = [...changedChunks(this.day, next)]
    for (const chunk of changed) this.chunks[chunk.index] = chunk
    this.chunks.length = next.chunks.length
    this.day = next
    return changed.map(({ index }) => index)
  }

  get sessionsOfEvents(): string[][] {
    return this.chunks.flatMap(({ events }) => events.map(({ id, webSessionId }) => [id, webSessionId]))
  }
}

const expected = (day: VisitorDay): string[][] =>
  day.sessions.flatMap(({ id, index }) => visitsOf(day, index).map(visit => [visit.id, id]))

describe("the documents of a visitor's events", () => {
  test('say of each of which session it is, after any step in whatever order they came', () => {
    const random = seeded('sessions of events')
    for (let round = 0; round < 12; round++) {
      const all = visits(random.int(1, 2_500), i => (random.chance(0.1) ? `s${i % 7}` : undefined))
      const { inOrder = [], late = [] } = Object.groupBy(all, () => (random.chance(0.7) ? 'inOrder' : 'late'))
      const whole = new Shown()
      for (let rest = inOrder; rest.length > 0; ) {
        whole.take(rest.slice(0, 400))
        rest = rest.slice(400)
        expect(whole.sessionsOfEvents).toEqual(expected(whole.day))
      }
      for (const each of random.shuffle(late).slice(0, 80)) {
        whole.take([each])
        expect(whole.sessionsOfEvents).toEqual(expected(whole.day))
        expect(whole.chunks).toEqual([...changedChunks(undefined, whole.day)])
      }
    }
  })

  test('are written of the last chunk alone where an event comes in order', () => {
    const whole = new Shown()
    const all = visits(2_000, i => (i % 300 === 7 ? `s${i}` : undefined))
    whole.take(all.slice(0, 1_990))
    const last = whole.chunks.length - 1
    expect(all.slice(1_990).map(each => whole.take([each]))).toEqual(Array(10).fill([last]))
    expect(last).toBeGreaterThan(1)
  })

  test('are written of every chunk whose events a late one moves to another session, and of no other', () => {
    const whole = new Shown()
    whole.take(visits(4 * CHUNK))
    const inSecond = (place: number): number => START + CHUNK * 1_000 + place * 1_000 + 500
    // A full chunk becomes two.
    whole.take([{ id: 'late', ts: inSecond(70), page: '/' }])
    expect(whole.take([{ id: 'later', ts: inSecond(1), page: '/' }])).toEqual([1])
    const opens = { id: 'opens', ts: inSecond(3), page: '/', source: { source: 'mail' } }
    expect(whole.take([opens])).toEqual([1, 2, 3, 4])
    expect(whole.sessionsOfEvents).toEqual(expected(whole.day))
    const first = { id: 'first', ts: inSecond(2), page: '/', source: { source: 'mail' } }
    expect(whole.take([first])).toEqual([1])
    expect(whole.sessionsOfEvents).toEqual(expected(whole.day))
  })

  test('are written as a whole at the first event of a day that a former version kept', () => {
    const { isNamed: _, ...former } = grown(empty, visits(1_200))
    const next = grown(former, [{ id: 'x', ts: START + 1_200_000, page: '/' }])
    expect([...changedChunks(former, next)].map(({ index }) => index)).toEqual([...next.chunks.keys()])
    expect([...changedChunks(former, former)]).toEqual([])
  })
})

describe("the document of a visitor's session", () => {
  const documents = memoryDocuments({ time: new ManualTime() })
  const projections = new Projections()
  let seq = 0
  let day = empty

  const take = (...more: Visit[]): void => {
    const next = grown(day, more)
    const context = { first: DAY, open: {}, deadline: null }
    visitor.project({ ...context, days: { [DAY]: day } }, { ...context, days: { [DAY]: next } }, 'v', projections)
    day = next
  }
  const commit = () => project(documents, projections.take(), ++seq)
  const written = () => documents.find('web-sessions', { sort: { _id: 1 } })

  beforeEach(async () => {
    day = empty
    await documents.removeWhere('web-sessions', {})
  })

  test('keeps no party that a late event takes to another session', async () => {
    const at = (minutes: number): number => START + minutes * 60_000
    take({ id: 'a', ts: at(0), page: '/' }, { id: 'b', ts: at(50), page: '/' })
    take({ id: 'c', ts: at(52), page: '/', partyId: 'acme' })
    await commit()
    expect((await written()).map(({ partyId }) => partyId)).toEqual([null, 'acme'])
    take({ id: 'd', ts: at(51), page: '/', source: { source: 'mail' } })
    take({ id: 'e', ts: at(50) + 1, page: '/' })
    await commit()
    expect((await written()).map(({ partyId, eventCount }) => [partyId, eventCount])).toEqual([
      [null, 1],
      [null, 2],
      ['acme', 2],
    ])
  })

  test('says that its day has more events than it keeps only where it is the last', async () => {
    const truncated = async () => (await written()).filter(each => each.truncated).map(({ _id }) => _id)
    const sourced = (id: string, second: number): Visit => ({
      ...{ id, ts: START + second * 1_000 + 500, page: '/', source: { source: id } },
    })
    take(...visits(20_001))
    take(sourced('s1', 5_000))
    await commit()
    expect(await truncated()).toEqual([`v-${DAY}#2`])
    take(sourced('s2', 3_000))
    await commit()
    expect(await truncated()).toEqual([`v-${DAY}#3`])
  })
})
