import { expect, test } from 'vitest'
import { KINDS } from '../actors/kinds.ts'
import type { CheckpointRecord, RecordKey } from '../src/checkpoint/index.ts'
import type { Held } from '../src/checkpoint/peek.ts'
import { AliveCheck } from '../src/verify/alive.ts'
import { Checked } from '../src/verify/checked.ts'
import { load } from './support/checkpoint-records.ts'
import { NOON, OnePartition, tick } from './support/one-partition.ts'

const WHOLE = KINDS.map(({ pulse: _, ...kind }) => kind)

const beat = (key: string, at: number, stream: string | null) => ({
  ...{ kind: 'heartbeat', key, id: '', at, arrival: at, path: `/${stream}`, stream, country: 'TW', groups: [] },
})

/** The differences told of a state once somebody has edited its records of who is alive. */
async function told(
  edit: (record: CheckpointRecord) => CheckpointRecord[],
  committed = true,
  more: (one: OnePartition) => Promise<void> = async () => {},
): Promise<unknown[]> {
  const one = await OnePartition.claim({ kinds: WHOLE })
  await one.apply(beat('a', NOON, 'x'), beat('b', NOON, null), beat('a', NOON + 1_000, 'x'))
  await more(one)
  const { store, partition } = one
  const actors = await load(store, partition.claim, { space: 'actor', names: ['viewer'] })
  const alive = await load(store, partition.claim, { space: 'aggregate', names: ['alive'] })
  const held = {
    async *some(_: RecordKey) {
      yield* alive.flatMap(edit)
    },
  } as unknown as Held
  const checked = new Checked(0)
  checked.cut = partition.claim.cut + (committed ? 0 : 1)
  const check = await AliveCheck.of(held, checked)
  for (const actor of actors) check.take(actor)
  check.end(checked)
  return checked.said.map(said => JSON.stringify(said))
}

test('who is alive is no difference where it is as the viewers say', async () => {
  expect(await told(record => [record])).toEqual([])
})

test('records of who is alive that somebody edited are told of', async () => {
  const isAll = ({ names }: CheckpointRecord): boolean => names.length === 1
  const less = await told(each =>
    isAll(each) ? [{ ...each, value: { ...(each.value as object), counts: [] } }] : [each],
  )
  expect(less).toEqual([expect.stringContaining('too few')])
  expect(await told(each => (isAll(each) ? [each] : []))).toEqual([expect.stringContaining('alive x')])
  const stranger = { space: 'aggregate' as const, names: ['alive', 'z'], value: { since: 0, counts: [7, 2] } }
  expect(await told(each => (isAll(each) ? [each, stranger] : [each]))).toEqual([
    expect.stringContaining('2 viewers too many'),
  ])
  const [first] = await told(each => (isAll(each) ? [each] : [{ ...each, value: 7 }]))
  expect(first).toContain('is none of who is alive')
})

test('records of who is alive that a former version has left are passed over', async () => {
  expect(await told(each => [{ ...each, value: { ...(each.value as object), counts: [] } }], false)).toEqual([])
})

test('a stream to which somebody comes after all have left is no difference', async () => {
  const revived = async (one: OnePartition): Promise<void> => {
    await one.apply(tick(NOON + 400_000))
    one.partition.evict(NOON + 400_000)
    await one.apply(beat('c', NOON + 400_000, 'x'))
  }
  expect(await told(record => [record], true, revived)).toEqual([])
})
