import { describe, expect, test, vi } from 'vitest'
import { type ErrorCode, RollcallError } from '../src/errors.ts'
import { Positions } from '../src/log/positions.ts'
import { OwnerDirectory } from '../src/ownership/directory.ts'
import type { Owner } from '../src/ownership/index.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const fake = (owner: Partial<Owner>): Owner => owner as Owner
const failing = (code: ErrorCode) => vi.fn<Owner['settled']>(async () => Promise.reject(new RollcallError(code)))
const directoryOf = (partitions: number, owner: Owner | null, time = new ManualTime()): OwnerDirectory =>
  new OwnerDirectory({ partitions, owner, applied() {}, heed: now => heard.push(now), time, faults: toldFaults() })
const heard: number[] = []
const positions = new Positions().read('3-14')

describe('whoever waits for a position', () => {
  test.each<ErrorCode>([
    'RC_NO_OWNER',
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

  test('is told RC_CLOSING when the process ends', async () => {
    const directory = directoryOf(16, null)
    const waiting = directory.settled(positions)
    directory.stopWaiting()
    await expect(waiting).rejects.toMatchObject({ code: 'RC_CLOSING' })
  })
})

describe('a partition', () => {
  const unfit = { code: 'RC_LOG_BEHIND', message: 'behind' }

  test('takes nothing while its log does not fit, and again when it does', async () => {
    const states = vi.fn<Owner['states']>(async () => [{ partition: 3, stopped: unfit }])
    const directory = directoryOf(4, fake({ states }))
    await directory.states()
    expect([directory.refusalOf(2, []), directory.refusalOf(3, [])?.code]).toEqual([undefined, 'RC_LOG_BEHIND'])
    states.mockResolvedValue([{ partition: 3, stopped: null }])
    await directory.states()
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

  test('that nobody owns does not go on', async () => {
    const stopped = { code: 'RC_NO_OWNER', message: expect.any(String) }
    expect(await directoryOf(2, null).states()).toEqual([0, 1].map(partition => ({ partition, stopped })))
  })
})
