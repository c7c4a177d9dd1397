import { describe, expect, test } from 'vitest'
import { type ErrorCode, RollcallError } from '../src/errors.ts'
import { Standing } from '../src/ownership/standing.ts'
import { ManualTime } from './support/time.ts'

function standing(isOfUseBeside: boolean, isDecided = true) {
  const time = new ManualTime()
  const said: string[] = []
  const candidacies: { lose(error: Error): void }[] = []
  const stand = () => {
    const { promise: lost, reject: lose } = Promise.withResolvers<never>()
    lost.catch(() => {})
    said.push('stands')
    candidacies.push({ lose })
    const decided = isDecided ? Promise.resolve(true) : lost
    return { decided, lost, tenure: undefined, close: async () => void said.push('closed') }
  }
  const options = { stand, isOfUseBeside, lost: () => void said.push('passes to others'), time }
  return { own: new Standing(options), time, said, candidacies }
}

describe('a process that has lost the partitions', () => {
  test('to another owner passes to it, ends its tenure, and stands again', async () => {
    const { own, time, said, candidacies } = standing(true)
    candidacies[0]!.lose(new RollcallError('RC_FENCED'))
    await time.settle()
    expect(said).toEqual(['stands', 'passes to others', 'closed'])
    await time.advance(1_000)
    expect(said.at(-1)).toBe('stands')
    candidacies[1]!.lose(new RollcallError('RC_FENCED'))
    await time.settle()
    await time.advance(1_000)
    expect(candidacies).toHaveLength(3)
    await own.close()
    expect(said.at(-1)).toBe('closed')
  })

  test.each<[boolean, ErrorCode]>([
    [false, 'RC_FENCED'],
    [true, 'RC_SHARD_LOST'],
  ])('is lost itself where it is of use beside another: %s, for %s', async (isOfUse, code) => {
    const { own, time, said, candidacies } = standing(isOfUse)
    candidacies[0]!.lose(new RollcallError(code))
    await expect(own.lost).rejects.toMatchObject({ code })
    await time.advance(10_000)
    expect(said).toEqual(['stands', 'passes to others'])
    await own.close()
    expect(said).toEqual(['stands', 'passes to others', 'closed'])
  })

  test('before it had them all goes on as a bridge, if it is of use as one', async () => {
    const { own, time, said, candidacies } = standing(true, false)
    const { decided } = own
    candidacies[0]!.lose(new RollcallError('RC_FENCED'))
    expect(await decided).toBe(false)
    await time.settle()
    await time.advance(1_000)
    expect(said).toEqual(['stands', 'passes to others', 'closed', 'stands'])
    await own.close()

    for (const [isOfUse, code] of [
      [false, 'RC_FENCED'],
      [true, 'RC_SHARD_LOST'],
    ] as const) {
      const { own, candidacies } = standing(isOfUse, false)
      const { decided } = own
      candidacies[0]!.lose(new RollcallError(code))
      await expect(decided).rejects.toMatchObject({ code })
      await own.close()
    }
  })

  test('stands no more once it is closed', async () => {
    const { own, time, said, candidacies } = standing(true)
    candidacies[0]!.lose(new RollcallError('RC_FENCED'))
    await time.settle()
    await own.close()
    await time.advance(10_000)
    expect(said.filter(each => each === 'stands')).toHaveLength(1)
  })
})
