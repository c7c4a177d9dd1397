import { describe, expect, test, vi } from 'vitest'
import type { WebSession } from '../machines/web-sessions.ts'
import type { Output } from '../src/notify/index.ts'
import type { Told } from '../src/partition/projections.ts'
import { Updates } from '../src/partition/updates.ts'
import { MINUTE, NOON, OnePartition, tick } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'
import { logged, visit } from './support/two-lives.ts'

describe('updates of web sessions', () => {
  const toldOf = ({ told }: OnePartition) =>
    told.map(({ id, facts }) => [id, (facts as { session: WebSession } | null)?.session.eventCount ?? null])

  test('are of each session that changes while it is not over, once a commit, and no longer when it is', async () => {
    const one = await OnePartition.claim()
    await one.apply(logged(visit('a', NOON)), logged(visit('b', NOON + 50 * MINUTE)))
    await one.apply(logged(visit('c', NOON + 51 * MINUTE)), logged(visit('a', NOON)))
    expect(toldOf(one)).toEqual([
      ['v-2026-01-01', 1],
      ['v-2026-01-01#2', 1],
      ['v-2026-01-01#2', 2],
    ])
    await one.apply(logged(visit('d', NOON + 25 * MINUTE)))
    expect(toldOf(one).slice(3)).toEqual([
      ['v-2026-01-01', 4],
      ['v-2026-01-01#2', null],
    ])
    await one.apply(tick(NOON + 24 * 60 * MINUTE))
    expect(toldOf(one).slice(5)).toEqual([['v-2026-01-01', null]])
    expect(one.said.filter(kind => kind.startsWith('web-session'))).toEqual(['web-session.closed'])
    expect(one.told[0]).toMatchObject({ type: 'web-session.updated', actor: 'visitor/v' })
  })

  test('are one where a commit holds several changes', async () => {
    const { partition } = await OnePartition.claim()
    const events = [visit('a', NOON), visit('b', NOON + MINUTE)].map(logged)
    for (const [i, event] of events.entries()) {
      const entry = { seq: i + 1, events: [event] }
      await partition.prepare([entry])
      partition.apply(entry)
    }
    const { told, writes } = partition.take()
    expect(told.map(({ facts }) => facts)).toMatchObject([{ session: { eventCount: 2 } }])
    expect(writes.filter(({ collection }) => collection === 'web-sessions')).toHaveLength(1)
    expect(partition.take().told).toEqual([])
  })
})

const update = (id: string, n: number | null): Told => ({
  ...{ type: 'web-session.updated', actor: 'visitor/v', id, facts: n === null ? null : { n } },
})

/** A teller whose every message waits to be let through. */
function teller() {
  const sent: Output[] = []
  const waiting: PromiseWithResolvers<'sent'>[] = []
  const faults = toldFaults()
  const outputs = {
    publish(output: Output) {
      sent.push(output)
      const gate = Promise.withResolvers<'sent'>()
      waiting.push(gate)
      return gate.promise
    },
  }
  const updates = new Updates({ outputs, time: new ManualTime(NOON), faults })
  const next = async (fail?: Error): Promise<void> => {
    for (const { resolve, reject } of waiting.splice(0)) fail ? reject(fail) : resolve('sent')
    await new Promise(resolve => setImmediate(resolve))
  }
  const said = () => sent.splice(0).map(({ id, data }) => [id, data.n])
  return { updates, sent, said, next, faults }
}

describe('what is told of updates', () => {
  test('has an id of the document and the commit, and names its actor', () => {
    const { updates, sent } = teller()
    updates.add({ seq: 7, told: [update('s1', 1)] })
    expect(sent).toEqual([
      {
        ...{ id: 'web-session.updated/s1:7', type: 'rollcall.web-session.updated', source: '/visitor/v' },
        ...{ at: NOON, data: { n: 1 } },
      },
    ])
  })

  test('is the latest of each document while others are under way, and nothing of one that is over', async () => {
    const { updates, said, next } = teller()
    updates.add({ seq: 1, told: [update('s1', 1)] })
    updates.add({ seq: 2, told: [update('s1', 2), update('s2', 2), update('s3', 2)] })
    updates.add({ seq: 3, told: [update('s1', 3), update('s3', null)] })
    expect(said()).toEqual([['web-session.updated/s1:1', 1]])
    await next()
    expect(said()).toEqual([
      ['web-session.updated/s2:2', 2],
      ['web-session.updated/s1:3', 3],
    ])
    await next()
    updates.add({ seq: 4, told: [update('s1', 4)] })
    expect(said()).toEqual([['web-session.updated/s1:4', 4]])
  })

  test('is not told later where it cannot be told; what comes next is', async () => {
    const { updates, said, next, faults } = teller()
    updates.add({ seq: 1, told: [update('s1', 1)] })
    updates.add({ seq: 2, told: [update('s2', 2)] })
    said()
    await next(new Error('no NATS'))
    expect(faults.all).toMatchObject([['updates', { message: 'no NATS' }]])
    expect(said()).toEqual([['web-session.updated/s2:2', 2]])
  })

  test('is bounded by the newest ten thousand', async () => {
    const { updates, said, next } = teller()
    updates.add({ seq: 1, told: [update('first', 1)] })
    updates.add({ seq: 2, told: Array.from({ length: 10_050 }, (_, n) => update(`s${n}`, n)) })
    said()
    const ids: unknown[] = []
    for (let n = 0; n < 101; n++) {
      await next()
      const some = said()
      expect(some.length).toBeLessThanOrEqual(100)
      ids.push(...some.map(([, number]) => number))
    }
    expect(ids).toEqual(Array.from({ length: 10_000 }, (_, n) => n + 50))
    await vi.waitFor(() => updates.published())
  })
})
