import type { Db } from 'mongodb'
import { describe, expect, test, vi } from 'vitest'
import { RollcallError } from '../src/errors.ts'
import { type KnownHolder, thisHolder, UNTOLD } from '../src/observe/holder.ts'
import { Candidacy, type CandidacyOptions } from '../src/ownership/candidacy.ts'
import { type OwnerDocument, ownerDatabase } from './support/owner-document.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const OTHER: OwnerDocument = { owner: 'other', epoch: 1, renewed: 5, released: false }
const GONE_MS = 1_000
const HOLDER = { host: 'box', pid: 7, version: '0.1.0', since: 5 }

type Term = Awaited<ReturnType<CandidacyOptions['begin']>>

/** A candidacy for a tenure that says what becomes of it. */
function candidacy(db: Db | null, more: Partial<CandidacyOptions> = {}) {
  const [time, faults] = [new ManualTime(), toldFaults()]
  const said: string[] = []
  const claimed = Promise.withResolvers<void>()
  const fenced = Promise.withResolvers<never>()
  fenced.promise.catch(() => {})
  const term: Term = {
    owner: {} as Term['owner'],
    lost: fenced.promise,
    ready: () => claimed.promise,
    close: async () => void said.push('closed'),
  }
  const begin = async (): Promise<Term> => {
    said.push('begun')
    return term
  }
  const facts: unknown[] = []
  const heard: (KnownHolder | null)[] = []
  const info = (told: unknown, text?: string): void => {
    said.push(String(text ?? told))
    facts.push(told)
  }
  const logger = { info }
  const signal = new AbortController()
  const options = {
    ...{ db, holder: HOLDER, isOfUseBeside: true, takeOverMs: GONE_MS, begin, time, faults, logger },
    heldBy: (holder: KnownHolder | null) => void heard.push(holder),
    lag: async () => 3,
    ...more,
  }
  const candidate = new Candidacy(options, signal.signal)
  const pass = async (ms: number): Promise<void> => {
    // The client of MongoDB and the lease are loaded when they are first needed.
    await import('../src/ownership/lease.ts')
    await time.settle(20)
    await time.advance(ms)
  }
  return { candidate, said, facts, heard, claimed, fenced, signal, faults, pass }
}

describe('a process without others', () => {
  test('owns the partitions when they are claimed, and not before', async () => {
    const { candidate, claimed, said, pass } = candidacy(null)
    let decided: boolean | undefined
    candidate.decided.then(is => {
      decided = is
    })
    await pass(0)
    expect([said, decided, candidate.tenure !== undefined]).toEqual([['begun'], undefined, true])
    claimed.resolve()
    expect(await candidate.decided).toBe(true)
    expect(said).toEqual(['begun', 'owns the partitions'])
    await candidate.close()
    expect(said.at(-1)).toBe('closed')
  })

  test('cannot start when they cannot be had, and reports why', async () => {
    const failure = new RollcallError('RC_SHARD_LOST')
    const { candidate, claimed, faults, said } = candidacy(null)
    claimed.reject(failure)
    await expect(candidate.decided).rejects.toBe(failure)
    await expect(candidate.lost).rejects.toBe(failure)
    expect(faults.all).toEqual([['ownership of the partitions', failure]])
    await candidate.close()
    expect(said).toEqual(['begun', 'closed'])
  })

  test('loses them when it is fenced, and reports it', async () => {
    const { candidate, claimed, fenced, faults } = candidacy(null)
    claimed.resolve()
    await candidate.decided
    const failure = new RollcallError('RC_FENCED')
    fenced.reject(failure)
    await expect(candidate.lost).rejects.toBe(failure)
    expect(faults.all).toEqual([['ownership of the partitions', failure]])
    await candidate.close()
  })
})

describe('who owns the partitions', () => {
  const own = (since: number) => thisHolder(since)

  test('is a process without others, since it has its directory, as it says with how far it is behind', async () => {
    const { candidate, claimed, facts, heard } = candidacy(null)
    claimed.resolve()
    await candidate.decided
    await vi.waitFor(() => expect(facts).toEqual([{ owner: { ...HOLDER, lag: 3 } }]))
    expect(heard).toEqual([HOLDER])
    await candidate.close()
  })

  test('is told at each look, at last of the process itself, which leaves its facts for others', async () => {
    const theirs = { host: 'other', pid: 9, version: '0.0.9', since: 1 }
    const owners = ownerDatabase({ ...OTHER, holder: { ...theirs, of: 'other' } })
    const { candidate, claimed, heard, facts, pass } = candidacy(owners.db)
    await pass(0)
    expect(heard).toEqual([theirs])
    claimed.resolve()
    await pass(GONE_MS)
    const { of, ...kept } = owners.current.holder!
    expect(of).toBe(owners.current.owner)
    expect(kept).toEqual(own(kept.since))
    expect([heard.at(-1), facts.at(-1)]).toEqual([kept, { owner: { ...kept, lag: 3 } }])
    await candidate.close()
  })

  test.each([
    ['none', undefined],
    ['those of an owner before it', { of: 'former', host: 'old', pid: 9, version: '0.0.9', since: 1 }],
    ['a name that moves the cursor', { of: 'other', host: '\u001b[2J', pid: 9, version: '0.0.9', since: 1 }],
    ['a host without end', { of: 'other', host: 'x'.repeat(10_000), pid: 9, version: '0.0.9', since: 1 }],
    ['a text for a number', { of: 'other', host: 'box', pid: '9', version: '0.0.9', since: 1 }],
    ['a time that is none', { of: 'other', host: 'box', pid: 9, version: '0.0.9', since: Number.NaN }],
  ])('is not known of a lease with no facts of its owner: %s', async (_name, holder) => {
    const owners = ownerDatabase({ ...OTHER, holder: holder as OwnerDocument['holder'] })
    const { candidate, heard, pass } = candidacy(owners.db)
    await pass(0)
    expect(heard).toEqual([UNTOLD])
    await candidate.close()
  })
})

describe('a process beside an owner', () => {
  test('stands by while the owner lives, and owns the partitions when it is gone', async () => {
    const owners = ownerDatabase({ ...OTHER })
    const { candidate, claimed, said, pass } = candidacy(owners.db)
    await pass(0)
    expect(await candidate.decided).toBe(false)
    expect(said).toEqual(['standing by'])
    claimed.resolve()
    await pass(GONE_MS)
    expect(said).toEqual(['standing by', 'begun', 'owns the partitions'])
    await candidate.close()
    expect(owners.current).toMatchObject({ epoch: 2, released: true })
  })

  test('is refused where it is of no use while the owner lives', async () => {
    const owners = ownerDatabase({ ...OTHER }, () => void owners.current.renewed++)
    const { candidate, pass } = candidacy(owners.db, { isOfUseBeside: false })
    await pass(GONE_MS)
    await expect(candidate.decided).rejects.toMatchObject({ code: 'RC_OWNED' })
    await candidate.close()
  })

  test('follows an owner that is gone also where it is of no use beside it', async () => {
    const { candidate, claimed, pass } = candidacy(ownerDatabase({ ...OTHER }).db, { isOfUseBeside: false })
    claimed.resolve()
    await pass(GONE_MS)
    expect(await candidate.decided).toBe(true)
    await candidate.close()
  })

  test('loses the partitions when another process has taken them', async () => {
    const owners = ownerDatabase({ ...OTHER, released: true })
    const { candidate, claimed, pass } = candidacy(owners.db)
    claimed.resolve()
    await pass(0)
    expect(await candidate.decided).toBe(true)
    owners.current.epoch++
    await pass(GONE_MS)
    await expect(candidate.lost).rejects.toMatchObject({ code: 'RC_FENCED' })
    await candidate.close()
  })

  test('that is asked to end goes on renewing its lease at its pace until it is closed', async () => {
    const owners = ownerDatabase({ ...OTHER, released: true })
    const { candidate, claimed, signal, pass } = candidacy(owners.db)
    claimed.resolve()
    await pass(0)
    signal.abort()
    const { renewed } = owners.current
    await pass(GONE_MS)
    expect(owners.current.renewed - renewed).toBe(5)
    await candidate.close()
  })

  test.each(['signal', 'close'])('gives up waiting at the %s, and reports nothing', async by => {
    const { candidate, signal, said, faults, pass } = candidacy(ownerDatabase({ ...OTHER }).db)
    await pass(0)
    if (by === 'signal') signal.abort()
    else await candidate.close()
    await expect(candidate.lost).rejects.toMatchObject({ code: 'RC_CLOSING' })
    await candidate.close()
    expect([said, faults.all]).toEqual([['standing by'], []])
  })
})

describe('a candidacy that is closed', () => {
  test('while the partitions are claimed ends the tenure without waiting for them', async () => {
    const { candidate, said, pass } = candidacy(null)
    await pass(0)
    await candidate.close()
    await expect(candidate.decided).rejects.toMatchObject({ code: 'RC_CLOSING' })
    expect(said).toEqual(['begun', 'closed'])
  })

  test('while a tenure begins ends it once it has begun', async () => {
    const begun = Promise.withResolvers<Term>()
    const { candidate, said, faults, pass } = candidacy(null, { begin: () => begun.promise })
    await pass(0)
    const closed = candidate.close()
    const close = async (): Promise<void> => void said.push('closed')
    begun.resolve({ owner: {} as Term['owner'], lost: new Promise(() => {}), ready: async () => {}, close })
    await closed
    expect([said, faults.all]).toEqual([['closed'], []])
  })

  test('ends the tenure before others are told that they need not wait', async () => {
    const owners = ownerDatabase({ ...OTHER, released: true })
    const releasedAtClose: boolean[] = []
    const lost = new Promise<never>(() => {})
    const close = async (): Promise<void> => void releasedAtClose.push(owners.current.released)
    const { candidate, pass } = candidacy(owners.db, {
      begin: async () => ({ owner: {} as Term['owner'], lost, ready: async () => {}, close }),
    })
    await pass(0)
    await candidate.decided
    await candidate.close()
    expect([releasedAtClose, owners.current.released]).toEqual([[false], true])
  })
})
