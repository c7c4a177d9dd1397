import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { ROOT } from './imports.ts'

/** A query of `ops/`, and what its result is shown with. */
export interface Query {
  /** the alert or panel it is of */
  of: string
  expr: string
  legend: string
}

export interface Alert {
  alert: string
  expr: string
  annotations: Record<'summary' | 'runbook', string>
}

interface Panel {
  title: string
  targets?: { expr: string; legendFormat: string }[]
}

const textIn = (file: string): string => readFileSync(join(ROOT, 'ops', file), 'utf8')

export const alerts = (): Alert[] =>
  (parse(textIn('rollcall.rules.yml')) as { groups: { rules: Alert[] }[] }).groups.flatMap(({ rules }) => rules)

/** Those of the dashboard, for all processes, with rates of fifteen seconds. */
export function panels(): Query[] {
  const { panels } = JSON.parse(textIn('rollcall.dashboard.json')) as { panels: Panel[] }
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({
      of: title,
      expr: expr.replaceAll('$__rate_interval', '15s').replaceAll('$instance', '.*'),
      legend: legendFormat,
    })),
  )
}

/** Every query: a summary says what labels it is shown with, as a legend does. */
export const queries = (): Query[] => [
  ...alerts().map(({ alert, expr, annotations }) => ({ of: alert, expr, legend: annotations.summary })),
  ...panels(),
]

export const metricsIn = ({ expr }: Query): string[] => [...new Set(expr.match(/\brollcall_\w+/g) ?? [])]

/** Labels that a query selects by, groups by or is shown with, but for those that Prometheus gives itself. */
export function labelsIn({ expr, legend }: Query): string[] {
  const grouped = [...expr.matchAll(/\b(?:by|on|without|ignoring) \(([^)]*)\)/g)].flatMap(([, names]) =>
    names!.split(/, */),
  )
  const selected = [...expr.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, name]) => name!)
  const shown = [...legend.matchAll(/\{\{(?: \$labels\.| with \$labels\.)?(\w+) ?\}\}/g)].map(([, name]) => name!)
  const all = new Set([...grouped, ...selected, ...shown])
  return [...all].filter(name => !['job', 'instance', 'le', 'else', 'end'].includes(name))
}
