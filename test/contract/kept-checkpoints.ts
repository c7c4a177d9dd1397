import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CheckpointRecord, CheckpointStore } from '../../src/checkpoint/index.ts'
import { type KeptSlices, keep, keptRecords } from '../../src/checkpoint/kept.ts'
import type { Cuts } from '../../src/checkpoint/peek.ts'
import { INCARNATION } from '../support/checkpoint-records.ts'
import { ManualTime } from '../support/time.ts'

export interface OpenedKept {
  store: CheckpointStore
  cuts: Cuts
  slices: KeptSlices
  /** the bytes of a copy's first slice are others from now on */
  damage(partition: number, slot: number): Promise<void>
  destroy(): Promise<void>
}

const record = (n: number, text = ''): CheckpointRecord => ({
  space: 'actor',
  names: ['viewer', `u${String(n).padStart(4, '0')}`, ''],
  value: [1, 'away', { n, text }],
})

export function keptCheckpointsContract(name: string, open: () => Promise<OpenedKept>): void {
  describe(`copies of checkpoints: ${name}`, () => {
    let opened: OpenedKept
    const time = new ManualTime()
    beforeEach(async () => {
      opened = await open()
    })
    afterEach(() => opened.destroy())

    const commit = async (partition: number, cut: number, puts: CheckpointRecord[]): Promise<void> => {
      const claim = await opened.store.claim(partition, 'test')
      await opened.store.commit(claim, cut, { incarnation: INCARNATION, mark: 'm', puts, removes: [] })
    }
    const copy = (partition = 0) => keep({ ...opened, time }, partition)
    const contentOf = async (cut: number): Promise<CheckpointRecord[]> => {
      const kept = (await opened.slices.heads(0)).find(each => each.cut === cut)
      const all: CheckpointRecord[] = []
      for await (const some of keptRecords(opened.slices, 0, kept!)) all.push(...some)
      return all.sort((a, b) => (a.names.join() < b.names.join() ? -1 : 1))
    }
    const cutsOf = async (partition: number) => (await opened.slices.heads(partition)).map(({ cut }) => cut)

    test('hold all records as of their cut, whatever is committed later', async () => {
      const text = 'x'.repeat(3_000)
      const first = Array.from({ length: 1_200 }, (_, n) => record(n, text))
      await commit(0, 5, [...first, { space: 'documents', names: ['5'], value: [] }])
      expect(await copy()).toMatchObject({ cut: 5, incarnation: INCARNATION, mark: 'm', at: time.now() })
      await commit(0, 6, [record(0, 'other')])
      expect(await contentOf(5)).toEqual(first)
    })

    test('are three of a partition, the newest, and of partitions each by itself', async () => {
      for (const cut of [1, 2, 3, 4, 5]) {
        await commit(0, cut, [record(cut)])
        await time.advance(1)
        await copy()
      }
      await commit(1, 9, [record(9)])
      await copy(1)
      expect([await cutsOf(0), await cutsOf(1)]).toEqual([[5, 4, 3], [9]])
      expect((await contentOf(3)).length).toBe(3)
    })

    test('are not made of what was never committed', async () => {
      await opened.store.claim(0, 'test')
      expect([await copy(), await copy(7)]).toEqual([null, null])
    })

    test('are refused where they are not as they were written', async () => {
      await commit(0, 5, [record(1)])
      const { slot } = (await copy())!
      await opened.damage(0, slot)
      await expect(contentOf(5)).rejects.toThrow('not as it was written')
    })
  })
}
