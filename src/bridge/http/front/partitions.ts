import type { Bridge } from '../../index.ts'
import type { Figures } from './figures.ts'

type Found = Pick<Figures, 'partitions' | 'effects' | 'parked' | 'disk' | 'answers' | 'webSessionsAMinute'>

/** The partitions and what they add up to. */
export function partitionsOf({ directory }: Bridge, _at: number): Found {
  const partitions = directory.states.map(({ partition, stopped, epoch, applied, cut, outbox }) => ({
    ...{ partition, stopped: stopped?.code ?? null, epoch: epoch || null },
    ...{ accepted: directory.ends[partition] || null, applied: applied ?? null, cut: cut ?? null },
    ...{ committedAt: null, waiting: outbox ?? null, parked: null },
  }))
  const of = <T>(values: (T | null)[]): T[] | null => (values.includes(null) ? null : (values as T[]))
  const waiting = of(partitions.map(each => each.waiting))?.reduce((sum, each) => sum + each, 0) ?? null
  const effects = waiting === null ? null : { waiting, parked: 0, oldestMs: null }
  return { partitions, effects, parked: null, disk: null, answers: null, webSessionsAMinute: null }
}
