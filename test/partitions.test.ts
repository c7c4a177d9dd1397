import { afterEach, describe, expect, test, vi } from 'vitest'
import { type ErrorCode, RollcallError } from '../src/errors.ts'
import { Positions } from '../src/log/positions.ts'
import { Partitions } from '../src/ownership/directory.ts'
import type { Owner } from '../src/ownership/index.ts'

const fake = (owner: Partial<Owner>): Owner => owner as Owner
const failing = (code: ErrorCode) => vi.fn<Owner['settled']>(async () => Promise.reject(new RollcallError(code)))
const positions = new Positions().read('3-14')

afterEach(() => void vi.useRealTimers())

describe('whoever waits for a position', () => {
  test.each<ErrorCode>([
    'RC_NO_OWNER',
    'RC_FENCED',
    'RC_CLOSING',
    'RC_SHARD_LOST',
    'RC_SHARD_TIMEOUT',
  ])('waits through %s for the owner that follows', async code => {
    const settled = vi.fn<Owner['settled']>(async () => {})
    const partitions: Partitions = new Partitions(
      16,
      fake({
        async settled() {
          partitions.passTo(fake({ settled }))
          throw new RollcallError(code)
        },
      }),
    )
    await partitions.settled(positions)
    expect(settled.mock.calls).toEqual([[3, 14, expect.any(Number)]])
  })

  test('is told at once of a partition that does not go on', async () => {
    const settled = failing('RC_LOG_BEHIND')
    await expect(new Partitions(16, fake({ settled })).settled(positions)).rejects.toThrow(/log ends before/)
    expect(settled).toHaveBeenCalledOnce()
  })

  test('asks again every 2 s, since an owner that is frozen never answers, and gives up after 20 s', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const withins: number[] = []
    const owner = fake({
      async settled(_partition, _seq, withinMs) {
        withins.push(withinMs)
        vi.advanceTimersByTime(withinMs)
        throw new RollcallError('RC_NO_OWNER')
      },
    })
    await expect(new Partitions(16, owner).settled(positions)).rejects.toMatchObject({ code: 'RC_WAIT_TIMEOUT' })
    expect(withins).toEqual(Array(10).fill(2_000))
  })

  test('is told RC_CLOSING when the process ends', async () => {
    const partitions = new Partitions(16, null)
    const waiting = partitions.settled(positions)
    partitions.stopWaiting()
    await expect(waiting).rejects.toMatchObject({ code: 'RC_CLOSING' })
  })
})

describe('a partition', () => {
  const unfit = { code: 'RC_LOG_BEHIND', message: 'behind' }

  test('takes nothing while its log does not fit, and again when it does', async () => {
    const states = vi.fn<Owner['states']>(async () => [{ partition: 3, stopped: unfit }])
    const partitions = new Partitions(4, fake({ states }))
    await partitions.states()
    expect([partitions.refusalOf(2), partitions.refusalOf(3)?.code]).toEqual([undefined, 'RC_LOG_BEHIND'])
    states.mockResolvedValue([{ partition: 3, stopped: null }])
    await partitions.states()
    expect(partitions.refusalOf(3)).toBeUndefined()
  })

  test.each<ErrorCode>([
    'RC_FENCED',
    'RC_SHARD_LOST',
    'RC_PARTITION_STOPPED',
  ])('that does not go on for %s takes what it took before', code => {
    const partitions = new Partitions(4, null)
    partitions.learn([{ partition: 3, stopped: unfit }])
    partitions.learn([0, 1, 2, 3].map(partition => ({ partition, stopped: { code, message: '' } })))
    expect([0, 1, 2, 3].map(partition => partitions.refusalOf(partition)?.code ?? null)).toEqual([
      ...[null, null, null],
      'RC_LOG_BEHIND',
    ])
  })

  test('that nobody owns does not go on', async () => {
    const stopped = { code: 'RC_NO_OWNER', message: expect.any(String) }
    expect(await new Partitions(2, null).states()).toEqual([0, 1].map(partition => ({ partition, stopped })))
  })
})
