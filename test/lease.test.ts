import { describe, expect, test } from 'vitest'
import { RollcallError } from '../src/errors.ts'
import { Lease } from '../src/ownership/lease.ts'
import { type OwnerDocument, ownerDatabase } from './support/owner-document.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const factsOf = (of: string) => ({ of, host: of, pid: 9, version: '0.1.0', since: 1 })
const OTHER: OwnerDocument = { owner: 'other', epoch: 1, renewed: 5, released: false, holder: factsOf('other') }
const PASSING_MS = 3_000

/** A lease that is waited for until somebody has it; `each` happens at every look of who waits. */
async function waiting(before: OwnerDocument, each: (current: OwnerDocument, look: number) => void = () => {}) {
  const [time, faults] = [new ManualTime(), toldFaults()]
  const said: string[] = []
  const current = { ...before }
  const owners = ownerDatabase(current, look => each(current, look))
  const acquired = Lease.acquire(owners.db, 'me', new AbortController().signal, {
    ...{ goneMs: 1_000, time, faults },
    waiting: ({ host }) => void said.push(`waiting for ${host}`),
    lives: ({ host }) => void said.push(`${host} lives`),
  }).then(lease => {
    said.push(`taken after ${time.monotonic()} ms`)
    return lease
  })
  await time.settle()
  await time.advance(PASSING_MS)
  return { said, owners, time, faults, lease: await acquired }
}

describe('whoever waits for the partitions', () => {
  test('has them when their owner stood still for long enough', async () => {
    const { said, lease } = await waiting(OTHER)
    await lease.release()
    expect(said).toEqual(['waiting for other', 'taken after 1000 ms'])
  })

  test('does not take a renewal that was on its way when the owner was killed for a sign of life', async () => {
    const { said, lease } = await waiting(OTHER, (current, look) => {
      if (look === 3) current.renewed++
    })
    await lease.release()
    expect(said).toEqual(['waiting for other', 'taken after 1200 ms'])
  })

  test('is told that the owner lives when it renews again, and waits on', async () => {
    const { said, lease } = await waiting(OTHER, (current, look) => {
      if (look === 3 || look === 5) current.renewed++
    })
    await lease.release()
    expect(said).toEqual(['waiting for other', 'other lives', 'taken after 1400 ms'])
  })

  test('waits anew while MongoDB gives no answer, which is reported once', async () => {
    const away = new RollcallError('RC_STORE_UNAVAILABLE')
    const { said, faults, lease } = await waiting(OTHER, (_, look) => {
      if (look >= 3 && look <= 5) throw away
    })
    await lease.release()
    expect(said).toEqual(['waiting for other', 'taken after 1400 ms'])
    expect(faults.all).toEqual([['look at the lease', away]])
  })

  test('hears of an owner that was quicker to take what was released', async () => {
    const { said, lease } = await waiting({ ...OTHER, released: true }, (current, look) => {
      if (look === 1)
        queueMicrotask(() =>
          Object.assign(current, { owner: 'third', epoch: 2, released: false, holder: factsOf('third') }),
        )
    })
    await lease.release()
    expect(said).toEqual(['waiting for third', 'taken after 1100 ms'])
  })
})

describe('a lease', () => {
  test('is renewed five times in the time after which its owner counts as gone, until it is released', async () => {
    const { owners, lease, time } = await waiting({ ...OTHER, released: true })
    expect(owners.current.renewed).toBe(PASSING_MS / 200)
    await lease.release()
    await time.advance(1_000)
    expect(owners.current).toMatchObject({ owner: 'me', epoch: 2, renewed: PASSING_MS / 200, released: true })
  })

  test('outlives a renewal that fails, which is reported', async () => {
    const { owners, lease, time, faults } = await waiting({ ...OTHER, released: true })
    const away = new Error('the server is away')
    owners.faults.push(away)
    await time.advance(400)
    expect([faults.all, owners.current.renewed]).toEqual([[['renewal of the lease', away]], PASSING_MS / 200 + 1])
    await lease.release()
  })

  test('says nothing of a renewal that was under way when it was released', async () => {
    const { owners, lease, time, faults } = await waiting({ ...OTHER, released: true })
    const renewal = Promise.withResolvers<never>()
    const collection = owners.db.collection('owners')
    const { updateOne } = collection
    collection.updateOne = () => {
      collection.updateOne = updateOne
      return renewal.promise
    }
    await time.advance(200)
    await lease.release()
    renewal.reject(new Error('the client was closed'))
    await time.settle()
    expect([faults.all, owners.current.released]).toEqual([[], true])
  })

  test('is lost to another process that took it', async () => {
    const { owners, lease, time, faults } = await waiting({ ...OTHER, released: true })
    owners.current.epoch++
    await time.advance(200)
    await expect(lease.lost).rejects.toMatchObject({ code: 'RC_FENCED' })
    expect(faults.all).toEqual([])
  })
})
