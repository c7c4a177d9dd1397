/** A family of samples as `/metrics` shows it. */
export interface Family {
  type: string
  help: string
  /** by the whole of what stands before the value: `name{label="value"}` */
  samples: Map<string, number>
}

const NAME = /^[a-z][a-z0-9_]*$/
const SAMPLE = /^([a-z_][a-z0-9_]*)(\{.*\})? (\S+)$/
const LABELS = /^\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,|(?=\})))*\}$/
const NUMBER = /^(NaN|[+-]Inf|-?\d+(\.\d+)?([eE][+-]?\d+)?)$/
const ENDINGS: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'] }

/** The families of a text of Prometheus's format; throws at the first thing that is not as the format wants it. */
export function familiesIn(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, Family>()
  let help: [name: string, text: string] | undefined
  let current: [name: string, family: Family] | undefined
  for (const line of text.split('\n').filter(line => line !== '')) {
    if (line.startsWith('# HELP ')) {
      const [, name, words] = /^# HELP (\S+) (.+)$/.exec(line) ?? []
      if (!name || !NAME.test(name) || families.has(name)) throw new Error(line)
      help = [name, words!]
    } else if (line.startsWith('# TYPE ')) {
      const [, name, type] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? []
      if (!name || help?.[0] !== name) throw new Error(line)
      current = [name, { type: type!, help: help[1], samples: new Map() }]
      families.set(...current)
    } else {
      if (!current) throw new Error(line)
      addSample(current, line)
    }
  }
  for (const [name, family] of families) if (family.type === 'histogram') mustBeWhole(name, family)
  return families
}

function addSample([family, { type, samples }]: [name: string, family: Family], line: string): void {
  const [, name, labels = '', value] = SAMPLE.exec(line) ?? []
  const isOf = (ENDINGS[type] ?? ['']).some(ending => name === family + ending) || type === 'summary'
  if (!isOf || (labels !== '' && !LABELS.test(labels))) throw new Error(line)
  if (!NUMBER.test(value!)) throw new Error(line)
  if (samples.has(name + labels)) throw new Error(`twice: ${line}`)
  samples.set(name + labels, Number(value!.replace('Inf', 'Infinity')))
}

/** Buckets grow with their bounds, and the last has all. */
function mustBeWhole(name: string, { samples }: Family): void {
  for (const [series, count] of samples) {
    if (!series.startsWith(`${name}_count`)) continue
    const own = series.slice(`${name}_count`.length).replace(/^\{|\}$/g, '')
    const buckets = [...samples].filter(([each]) => {
      const labels = /_bucket\{(.*)\}$/.exec(each)?.[1]
      return labels?.replace(/(^|,)le="[^"]*"/, '').replace(/^,/, '') === own
    })
    const counts = buckets.map(([, each]) => each)
    const isGrowing = counts.every((each, i) => each >= (counts[i - 1] ?? 0))
    if (!isGrowing || !buckets.at(-1)?.[0].includes('le="+Inf"') || counts.at(-1) !== count) throw new Error(series)
  }
}

/** The sum of a family's samples that have all of these labels; undefined where there is none. Of histograms: how many. */
export function figure(text: string, name: string, labels: Record<string, string> = {}): number | undefined {
  const family = familiesIn(text).get(name)
  if (!family) throw new Error(`${name} is no family`)
  const own = [...family.samples].filter(
    ([series]) =>
      (family.type !== 'histogram' || series.startsWith(`${name}_count`)) &&
      Object.entries(labels).every(([label, value]) => series.includes(`${label}="${value}"`)),
  )
  return own.length === 0 ? undefined : own.reduce((sum, [, value]) => sum + value, 0)
}
