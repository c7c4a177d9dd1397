/** Numbers and sentences as people read them, on the first page and in `rollcall top`. */
import { leftOf, type Work } from '../../../observe/work.ts'
import type { Readiness } from '../../readiness.ts'

const KIB = 1_024

export const UNKNOWN = 'not known'

export const number = (value: number): string =>
  value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 })

export const orUnknown = (value: number | null | undefined, shown: (value: number) => string = number): string =>
  value === null || value === undefined ? UNKNOWN : shown(value)

export const plural = (count: number, noun: string): string => `${number(count)} ${noun}${count === 1 ? '' : 's'}`

/** How far the owner is behind: `1 entry behind`; of a lag that is not known that it is not. */
const behind = (lag: number | null): string =>
  lag === null ? `${UNKNOWN} how far behind` : `${number(lag)} ${lag === 1 ? 'entry' : 'entries'} behind`

/** `1.5 GiB` */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, Math.floor(Math.log(Math.max(1, count)) / Math.log(KIB)))
  return `${number(count / KIB ** power)} ${units[power]}`
}

/** `log 1.5 GiB, state 2 MiB`; null: it is on a server */
export const taken = ({ logBytes, stateBytes }: Record<'logBytes' | 'stateBytes', number | null>): string =>
  Object.entries({ log: logBytes, state: stateBytes })
    .map(([name, count]) => `${name} ${count === null ? 'on a server' : bytes(count)}`)
    .join(', ')

/** `4 s`, `3 min`, `2 h`, `5 d` */
export function span(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000
  if (seconds < 100) return `${number(seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds))} s`
  if (seconds < 6_000) return `${number(Math.round(seconds / 60))} min`
  return seconds < 172_800 ? `${number(Math.round(seconds / 3_600))} h` : `${number(Math.round(seconds / 86_400))} d`
}

/** `3 ms`, `1.2 s` */
export const latency = (ms: number): string => (ms < 1_000 ? `${number(ms)} ms` : span(ms))

/** `2026-11-28 18:05:09 UTC` */
export const instant = (at: number | string): string =>
  `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`

/** `0-3, 7` */
export function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = []
  for (const each of numbers.toSorted((a, b) => a - b)) {
    const last = parts.at(-1)
    if (last && each === last[1] + 1) last[1] = each
    else parts.push([each, each])
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ')
}

/** How many entries lie between two of a partition; null where either is not known. */
export const between = (later: number | null, former: number | null): number | null =>
  later === null || former === null ? null : Math.max(0, later - former)

/** The owner in words, `shown` as they stand in a text: who it is, and since when and how far behind. */
export function ownerInWords(
  { host, pid, version, since, lag }: NonNullable<Readiness['owner']>,
  shown: (text: string) => string,
): [who: string, standing: string] {
  const of = version === null ? '' : `, version ${shown(version)}`
  const who =
    pid === null || host === null
      ? 'a process of a version that does not say more'
      : `process ${pid} on ${shown(host)}${of}`
  return [who, `${since === null ? '' : `, since ${instant(since)}`}; ${behind(lag)}`]
}

/** Long work in words: how far it is, and since when and for how long. */
export function workInWords(work: Work, at: number): [far: string, lasting: string] {
  const { done, total, unit, since } = work
  const left = leftOf(work, at)
  const rest = left === null ? '' : `, about ${span(left)} more`
  return [`${number(done)}${total === null ? '' : ` of ${number(total)}`} ${unit}`, `, for ${span(at - since)}${rest}`]
}
