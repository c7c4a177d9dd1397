import type { Bridge } from '../../index.ts'
import type { Figures } from './figures.ts'

/** The partitions as of the last look, and what they add up to where all of them are known. */
export function partitionsOf({
  directory,
}: Pick<Bridge, 'directory'>): Pick<Figures, 'partitions' | 'effects' | 'parked' | 'webSessionsAMinute'> {
  const { ends } = directory
  const states = directory.states.toSorted((a, b) => a.partition - b.partition)
  const partitions = states.map(({ partition, stopped, epoch, applied, cut, committedAt, effects, parked }) => ({
    ...{ partition, stopped: stopped?.code ?? null, epoch: epoch || null, accepted: ends[partition] || null },
    ...{ applied: applied ?? null, cut: cut ?? null, committedAt: committedAt ?? null },
    waiting: effects?.waiting ?? null,
    parked: effects && parked !== undefined ? effects.parked + parked : null,
  }))
  const all = states.flatMap(({ effects, parked, webSessions }) => (effects ? [{ effects, parked, webSessions }] : []))
  if (all.length < states.length) return { partitions, effects: null, parked: null, webSessionsAMinute: null }
  const sum = (of: (each: (typeof all)[number]) => number | undefined): number =>
    all.reduce((total, each) => total + (of(each) ?? 0), 0)
  const oldest = Math.max(-1, ...all.map(({ effects }) => effects.oldestMs ?? -1))
  return {
    partitions,
    effects: {
      waiting: sum(each => each.effects.waiting),
      parked: sum(each => each.effects.parked),
      oldestMs: oldest < 0 ? null : oldest,
    },
    parked: sum(each => each.parked),
    webSessionsAMinute: sum(each => each.webSessions),
  }
}
