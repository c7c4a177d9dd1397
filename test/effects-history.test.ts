import { describe, expect, test } from 'vitest'
import type { Account } from '../src/effects/history.ts'
import { History } from '../src/effects/history.ts'
import { Meter } from '../src/observe/meter.ts'
import { NOON } from './support/one-partition.ts'
import { effect, world } from './support/world.ts'

const account = (kind: string, seq: number): Account => ({
  ...{ ...effect(kind, {}), id: `${kind}:${seq}`, seq },
  ...{ state: 'done', doneAt: NOON },
})

function remembered() {
  const { documents } = world()
  const history = new History({ documents, partition: 3, meter: new Meter(), untilDone: (_step, work) => work() })
  const seqsOf = async (kind: string): Promise<number[]> => {
    const found = await documents.find('effects', { filter: { partition: 3, kind }, sort: { seq: 1 } })
    return found.map(({ seq }) => Number(seq))
  }
  const write = async (kind: string, from: number, to: number): Promise<void> => {
    for (let seq = from; seq < to; seq++) {
      if (seq % 50 === 49) await history.write(account(kind, seq))
      else void history.write(account(kind, seq))
    }
    await history.write(account(kind, to))
  }
  return { documents, history, seqsOf, write }
}

describe('the history of effects', () => {
  test('keeps some 200 of a kind, the newest', async () => {
    const { seqsOf, write } = remembered()
    await write('web-session.closed', 0, 999)
    const kept = await seqsOf('web-session.closed')
    expect(kept.length).toBeGreaterThanOrEqual(200)
    expect(kept.length).toBeLessThanOrEqual(300)
    expect(kept).toEqual(Array.from(kept, (_, i) => 1_000 - kept.length + i))
  })

  test('keeps what became of one kind however many there are of another', async () => {
    const { seqsOf, write } = remembered()
    await write('notify_followers_livestream_online', 0, 9)
    await write('web-session.closed', 10, 2_000)
    expect((await seqsOf('notify_followers_livestream_online')).length).toBe(10)
  })

  test('keeps no more of a kind that is written elsewhere, of which it hears', async () => {
    const { documents, history, seqsOf } = remembered()
    for (let seq = 0; seq < 900; seq++) {
      const { id, ...fields } = account('notify', seq)
      await documents.upsertMany('effects', [{ id, seq, set: { partition: 3, lane: '3/notify', ...fields } }])
      history.dropped('notify')
    }
    await history.write(account('other', 900))
    expect((await seqsOf('notify')).length).toBeLessThanOrEqual(300)
  })

  test('keeps some of what a former version remembered, which named no kinds apart', async () => {
    const { documents, seqsOf, write } = remembered()
    const former = Array.from({ length: 500 }, (_, seq) => {
      const { id, ...fields } = account('former', seq)
      return { id, seq, set: { partition: 3, ...fields } }
    })
    await documents.upsertMany('effects', former)
    await write('other', 500, 501)
    expect((await seqsOf('former')).length).toBe(200)
  })
})
