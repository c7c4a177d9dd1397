import { readFileSync } from 'node:fs'
import type { Row } from './measure.ts'

/** A gate: all that `bench/gates.json` says of a claim. */
export interface Gate {
  claim: string
  against: string
  gate: number
  goal: number
  /** in CI, in short rounds on a machine that may be busy: half of the gate, or what is reached where that is not */
  held: number
  /** where less is better */
  atMost?: true
}

export const GATES: readonly Gate[] = JSON.parse(readFileSync(new URL('gates.json', import.meta.url), 'utf8'))

export const gateOf = ({ claim, against }: Pick<Row, 'claim' | 'against'>): Gate | undefined =>
  GATES.find(each => each.claim === claim && each.against === against)

/** True if the ratio is no worse than the bound. */
export const reaches = ({ atMost }: Pick<Gate, 'atMost'>, ratio: number, bound: number): boolean =>
  atMost ? ratio <= bound : ratio >= bound

/** Half as demanding as the gate. */
export const half = ({ gate, atMost }: Pick<Gate, 'gate' | 'atMost'>): number => (atMost ? gate * 2 : gate / 2)

const shown = (ratio: number): string => String(Number(ratio.toPrecision(ratio < 0.01 ? 1 : 3)))

/** The cells of a row's line: claim, against, ratio, gate, goal, method. */
export function cellsOf(row: Row): string[] {
  const gate = gateOf(row)
  const bound = (value: number): string => `${gate!.atMost ? '≤' : '≥'} ${value}`
  const note = !gate || reaches(gate, row.ratio, gate.gate) ? '' : ` not reached (CI holds ${bound(gate.held)})`
  return [
    row.claim,
    row.against,
    shown(row.ratio),
    gate ? bound(gate.gate) + note : '',
    gate ? bound(gate.goal) : '',
    row.method,
  ]
}
