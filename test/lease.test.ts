import type { Db } from 'mongodb'
import { describe, expect, test } from 'vitest'
import { Lease } from '../src/ownership/lease.ts'

interface Owner {
  owner: string
  epoch: number
  renewed: number
  released: boolean
}

/** One owner's document, and a clock that passes by sleeping; `each` happens at every look of who waits. */
function waiting(current: Owner, each: (current: Owner, look: number) => void) {
  let now = 0
  let looks = 0
  const said: string[] = []
  const owners = {
    async findOne() {
      each(current, ++looks)
      return { _id: 'owner', ...current }
    },
    async updateOne({ epoch, renewed }: Partial<Owner>, { $set = {} }: { $set?: Partial<Owner> }) {
      if (epoch !== current.epoch || (renewed ?? current.renewed) !== current.renewed) return { matchedCount: 0 }
      if ($set.owner) said.push(`taken after ${now} ms`)
      Object.assign(current, $set, { epoch: $set.owner ? current.epoch + 1 : current.epoch })
      return { matchedCount: 1 }
    },
  }
  const leased = Lease.acquire({ collection: () => owners } as unknown as Db, 'me', new AbortController().signal, {
    goneMs: 1_000,
    monotonic: () => now,
    async sleep(ms) {
      now += ms
      await new Promise(resolve => setImmediate(resolve))
    },
    waiting: owner => void said.push(`waiting for ${owner}`),
    lives: owner => void said.push(`${owner} lives`),
  })
  return { said, leased }
}

const OTHER: Owner = { owner: 'other', epoch: 1, renewed: 5, released: false }

describe('whoever waits for the partitions', () => {
  test('has them when their owner stood still for long enough', async () => {
    const { said, leased } = waiting({ ...OTHER }, () => {})
    await (await leased).release()
    expect(said).toEqual(['waiting for other', 'taken after 1000 ms'])
  })

  test('does not take a renewal that was on its way when the owner was killed for a sign of life', async () => {
    const { said, leased } = waiting({ ...OTHER }, (current, look) => {
      if (look === 3) current.renewed++
    })
    await (await leased).release()
    expect(said).toEqual(['waiting for other', 'taken after 1200 ms'])
  })

  test('is told that the owner lives when it renews again, and waits on', async () => {
    const { said, leased } = waiting({ ...OTHER }, (current, look) => {
      if (look === 3 || look === 5) current.renewed++
    })
    await (await leased).release()
    expect(said).toEqual(['waiting for other', 'other lives', 'taken after 1400 ms'])
  })

  test('hears of an owner that was quicker to take what was released', async () => {
    const { said, leased } = waiting({ ...OTHER, released: true }, (current, look) => {
      if (look === 1) queueMicrotask(() => Object.assign(current, { owner: 'third', epoch: 2, released: false }))
    })
    await (await leased).release()
    expect(said).toEqual(['waiting for third', 'taken after 1100 ms'])
  })
})
