import { describe, expect, test, vi } from 'vitest'
import { type ErrorCode, RollcallError } from '../src/errors.ts'
import { Positions } from '../src/log/positions.ts'
import { OwnerDirectory } from '../src/ownership/directory.ts'
import type { Owner } from '../src/ownership/index.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const LAST = 100

const fake = (owner: Partial<Owner>): Owner => owner as Owner
const failing = (code: ErrorCode) => vi.fn<Owner['settled']>(async () => Promise.reject(new RollcallError(code)))
const log = { bounds: async () => ({ incarnation: 'i', first: 1, last: LAST }), failing: () => null }
const heard: number[] = []
const directoryOf = (partitions: number, others: Owner | null, time = new ManualTime()): OwnerDirectory =>
  new OwnerDirectory({
    ...{ partitions, others, log, time, faults: toldFaults() },
    known: () => LAST,
    applied() {},
    heed: now => heard.push(now),
  })
const positions = new Positions().read('3-14')

describe('whoever waits for a position', () => {
  test.each<ErrorCode>([
    'RC_NO_OWNER',
    'RC_NOT_READY',
    'RC_FENCED',
    'RC_CLOSING',
    'RC_SHARD_LOST',
    'RC_SHARD_TIMEOUT',
  ])('waits through %s for the owner that follows', async code => {
    const settled = vi.fn<Owner['settled']>(async () => {})
    const time = new ManualTime()
    const first = fake({
      async settled() {
        directory.passTo(fake({ settled }))
        throw new RollcallError(code)
      },
    })
    const directory = directoryOf(16, first, time)
    const waiting = directory.settled(positions)
    await time.settle()
    await time.advance(100)
    await waiting
    expect(settled.mock.calls).toEqual([[3, 14, expect.any(Number)]])
  })

  test('is told at once of a partition that does not go on', async () => {
    const settled = failing('RC_LOG_BEHIND')
    await expect(directoryOf(16, fake({ settled })).settled(positions)).rejects.toThrow(/log ends before/)
    expect(settled).toHaveBeenCalledOnce()
  })

  test('asks again every 2 s, since an owner that is frozen never answers, and gives up after 20 s', async () => {
    const time = new ManualTime()
    const withins: number[] = []
    const owner = fake({
      async settled(_partition, _seq, withinMs) {
        withins.push(withinMs)
        await time.sleep(withinMs)
        throw new RollcallError('RC_NO_OWNER')
      },
    })
    const refused = expect(directoryOf(16, owner, time).settled(positions)).rejects
    const told = refused.toMatchObject({ code: 'RC_WAIT_TIMEOUT' })
    await time.settle()
    await time.advance(20_000)
    await told
    expect(withins).toEqual([...Array(9).fill(2_000), 1_100])
  })

  test('waits with all who wait for the same, each as long as if it were alone', async () => {
    const time = new ManualTime()
    const settled = vi.fn<Owner['settled']>(async (_partition, _seq, withinMs) => {
      await time.sleep(withinMs)
      throw new RollcallError('RC_WAIT_TIMEOUT')
    })
    const directory = directoryOf(16, fake({ settled }), time)
    const told: string[] = []
    const wait = (name: string): void => {
      directory.settled(positions).catch(({ code }) => told.push(`${name} ${code}`))
    }
    for (let n = 0; n < 100; n++) wait('first')
    await time.advance(10_000)
    const asked = settled.mock.calls.length
    wait('late')
    await time.advance(9_000)
    expect([asked, told]).toEqual([expect.toSatisfy(calls => calls < 10), []])
    await time.advance(1_000)
    expect(told).toEqual(Array(100).fill('first RC_WAIT_TIMEOUT'))
    await time.advance(10_000)
    expect(told.at(-1)).toBe('late RC_WAIT_TIMEOUT')
    const { length } = settled.mock.calls
    await time.advance(60_000)
    expect(settled).toHaveBeenCalledTimes(length)
  })

  test('asks nobody for what was readable before', async () => {
    const settled = vi.fn<Owner['settled']>(async () => {})
    const directory = directoryOf(16, fake({ settled }))
    await directory.settled(positions)
    await directory.settled(new Positions().read('3-13'))
    expect(settled).toHaveBeenCalledOnce()
  })

  test('is told RC_CLOSING when the process ends', async () => {
    const directory = directoryOf(16, null)
    const waiting = directory.settled(positions)
    directory.stopWaiting()
    await expect(waiting).rejects.toMatchObject({ code: 'RC_CLOSING' })
  })
})

describe('a position', () => {
  test.each([
    [LAST, undefined],
    [LAST + 1, 'RC_INVALID_POSITION'],
  ])('%d of a log that ends with 100 is answered with %s', async (seq, code) => {
    const given = directoryOf(16, null).mustBeGiven(new Positions().read(`2-${seq}`))
    expect(
      await given.then(
        () => undefined,
        error => error.code,
      ),
    ).toBe(code)
  })
})

describe('places to wait', () => {
  const hang = () => new Promise<never>(() => {})
  const code = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      error => error.code,
    )

  test('are 32 of one user, and free again when the work is done', async () => {
    const directory = directoryOf(1, null)
    const first = Promise.withResolvers<void>()
    const held = directory.waiting('ann', () => first.promise)
    for (let n = 1; n < 32; n++) directory.waiting('ann', hang).catch(() => {})
    expect(await code(directory.waiting('ann', async () => {}))).toBe('RC_OVERLOADED')
    expect(await code(directory.waiting('bob', async () => {}))).toBeUndefined()
    first.resolve()
    await held
    expect(await code(directory.waiting('ann', async () => {}))).toBeUndefined()
  })

  test('are 2,000 in all, also of services, and are given back by work that fails', async () => {
    const directory = directoryOf(1, null)
    const failing = Promise.withResolvers<void>()
    const held = code(directory.waiting(null, () => failing.promise))
    for (let n = 1; n < 2_000; n++) directory.waiting(null, hang).catch(() => {})
    expect(await code(directory.waiting('ann', async () => {}))).toBe('RC_OVERLOADED')
    failing.reject(new RollcallError('RC_NO_OWNER'))
    expect(await held).toBe('RC_NO_OWNER')
    expect(await code(directory.waiting('ann', async () => {}))).toBeUndefined()
  })

  test('are left by a request after 20 s, though what it waits for goes on', async () => {
    const time = new ManualTime()
    const waiting = code(directoryOf(1, null, time).waiting('ann', hang))
    await time.advance(20_000)
    expect(await waiting).toBe('RC_WAIT_TIMEOUT')
  })
})

describe('how far the owner is behind', () => {
  test.each([
    ['what is known and in no commit', [90, LAST], 10],
    ['nothing where it knows of more than this process', [LAST + 5, LAST], 0],
    ['not known while a shard says nothing of its cut', [90, undefined], null],
  ])('is %s', async (_name, cuts, lag) => {
    const all = cuts.map((cut, partition) => ({ partition, stopped: null, ...(cut !== undefined && { cut }) }))
    const states = vi.fn<Owner['states']>(async () => all)
    const directory = directoryOf(2, fake({ states }))
    await directory.look()
    expect(directory.lag).toBe(lag)
    states.mockRejectedValue(new RollcallError('RC_NO_OWNER'))
    await directory.look()
    expect(directory.lag).toBeNull()
  })
})

describe('a partition', () => {
  const unfit = { code: 'RC_LOG_BEHIND', message: 'behind' }

  test('takes nothing while its log does not fit, and again when it does', async () => {
    const states = vi.fn<Owner['states']>(async () => [{ partition: 3, stopped: unfit }])
    const directory = directoryOf(4, fake({ states }))
    await directory.look()
    expect([directory.refusalOf(2, []), directory.refusalOf(3, [])?.code]).toEqual([undefined, 'RC_LOG_BEHIND'])
    states.mockResolvedValue([{ partition: 3, stopped: null }])
    await directory.look()
    expect(directory.refusalOf(3, [])).toBeUndefined()
  })

  test('takes nothing for an actor of which too much is parked, and again when it is not', () => {
    const directory = directoryOf(4, null)
    const take = (kind: string, key = 'ann') => directory.refusalOf(3, [{ kind, key, id: '', at: 0, arrival: 0 }])
    directory.learn([{ partition: 3, stopped: null, full: ['viewer/ann'] }])
    expect(take('heartbeat')).toMatchObject({ code: 'RC_ACTOR_PARKED', message: expect.stringContaining('viewer/ann') })
    expect([take('heartbeat', 'bob'), take('web-event'), take('parked.drop')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    directory.learn([{ partition: 3, stopped: null }])
    expect(take('heartbeat')).toBeDefined()
    directory.learn([{ partition: 3, stopped: null, full: [] }])
    expect(take('heartbeat')).toBeUndefined()
  })

  test.each<ErrorCode>([
    'RC_FENCED',
    'RC_SHARD_LOST',
    'RC_PARTITION_STOPPED',
  ])('that does not go on for %s takes what it took before', code => {
    const directory = directoryOf(4, null)
    directory.learn([{ partition: 3, stopped: unfit }])
    directory.learn([0, 1, 2, 3].map(partition => ({ partition, stopped: { code, message: '' } })))
    expect([0, 1, 2, 3].map(partition => directory.refusalOf(partition, [])?.code ?? null)).toEqual([
      ...[null, null, null],
      'RC_LOG_BEHIND',
    ])
  })

  test('tells what time it is for the owner, where it is known', () => {
    heard.length = 0
    const directory = directoryOf(3, null)
    directory.learn([{ partition: 0, stopped: null }])
    directory.learn([
      { partition: 0, stopped: unfit },
      { partition: 1, stopped: null, now: 17 },
    ])
    directory.learn([{ partition: 0, stopped: null, now: 'soon' as unknown as number }])
    expect(heard).toEqual([17])
  })

  test('that is being replayed takes events, one that is not claimed yet takes what it took before', () => {
    const directory = directoryOf(2, null)
    directory.learn([0, 1].map(partition => ({ partition, stopped: unfit })))
    const stopped = { code: 'RC_NOT_READY', message: '' }
    directory.learn([0, 1].map(partition => ({ partition, stopped, applied: 3, replayUntil: 8 * partition })))
    expect([0, 1].map(partition => directory.refusalOf(partition, [])?.code)).toEqual(['RC_LOG_BEHIND', undefined])
  })

  test('that nobody owns does not go on', async () => {
    const stopped = { code: 'RC_NO_OWNER', message: expect.any(String) }
    const directory = directoryOf(2, null)
    await directory.look()
    expect(directory.states).toEqual([0, 1].map(partition => ({ partition, stopped })))
  })
})
