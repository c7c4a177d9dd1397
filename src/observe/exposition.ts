import type { Metric, Registry } from 'prom-client'
import { RollcallError } from '../errors.ts'
import { type Time, within } from '../time.ts'
import type { Faults } from './index.ts'
import { Meter, type Reading, type Spread, summed } from './meter.ts'
import { METRICS, type MetricName } from './metrics.ts'

/** Whoever asks has its answer by then, with what is known. */
const PATIENCE_MS = 1_000
const PREFIX = 'rollcall_'
/** Defaults of the client that are no counters, and named as if they were. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/** Gives what it knows when somebody looks. */
export type Source = () => readonly Reading[] | Promise<readonly Reading[]>

interface Sample {
  labels: Record<string, string>
  value: number
  metricName?: string
}

/** All metrics of this process, in the format of Prometheus. */
export class Exposition {
  /** what the process counts itself */
  readonly meter = new Meter()
  readonly #sources = new Map<Source, Promise<readonly Reading[]> | undefined>([[() => this.meter.read(), undefined]])
  readonly #time: Time
  readonly #faults: Faults
  #readings = new Map<MetricName, Reading[]>()
  #registry: Promise<Registry> | undefined
  #text: Promise<string> | undefined

  constructor({ time, faults }: { time: Time; faults: Faults }) {
    this.#time = time
    this.#faults = faults
  }

  /** Adds a source until what is returned is called. */
  add(source: Source): () => void {
    this.#sources.set(source, undefined)
    return () => void this.#sources.delete(source)
  }

  /** The metrics as of now, for all who ask at the same time; a source that does not answer in time, or fails, has none. */
  text(): Promise<string> {
    this.#text ??= this.#made().finally(() => {
      this.#text = undefined
    })
    return this.#text
  }

  async #made(): Promise<string> {
    this.#registry ??= this.#opened()
    const registry = await this.#registry
    const all = await Promise.all([...this.#sources.keys()].map(source => this.#read(source)))
    this.#readings = Map.groupBy(summed(all.flat()), ({ name }) => name)
    // The client misspells what is no number, such as the delay of an event loop that was not looked at yet.
    return (await registry.metrics()).replaceAll(' Nan\n', ' NaN\n')
  }

  async #read(source: Source): Promise<readonly Reading[]> {
    // One that is late is not asked again before it has answered.
    const asked = this.#sources.get(source) ?? Promise.resolve().then(source)
    if (this.#sources.has(source)) this.#sources.set(source, asked)
    const answered = (): void => {
      if (this.#sources.get(source) === asked) this.#sources.set(source, undefined)
    }
    asked.then(answered, answered)
    try {
      return await within(this.#time, PATIENCE_MS, asked, () => new RollcallError('RC_WAIT_TIMEOUT'))
    } catch (error) {
      if (!(error instanceof RollcallError)) this.#faults.report('metrics', error)
      return []
    }
  }

  /** The client is loaded when somebody asks for the first time. */
  async #opened(): Promise<Registry> {
    const { collectDefaultMetrics, Registry } = await import('prom-client')
    const registry = new Registry()
    for (const name of Object.keys(METRICS) as MetricName[]) {
      const { type, help } = METRICS[name]
      const get = async () => ({ name, type, help, values: this.#samplesOf(name) })
      registry.registerMetric({ name, get } as unknown as Metric<string>)
    }
    collectDefaultMetrics({ register: registry, prefix: PREFIX })
    for (const name of MISNAMED) registry.removeSingleMetric(PREFIX + name)
    return registry
  }

  #samplesOf(name: MetricName): Sample[] {
    return (this.#readings.get(name) ?? []).flatMap(({ labels, value }) =>
      typeof value === 'number' ? [{ labels, value }] : samplesOf(name, labels, value),
    )
  }
}

function samplesOf(name: MetricName, labels: Reading['labels'], { counts, sum }: Spread): Sample[] {
  const { bounds = [] } = METRICS[name] as { bounds?: readonly number[] }
  let value = 0
  const buckets = counts.map((count, i) => {
    value += count
    return { metricName: `${name}_bucket`, labels: { ...labels, le: String(bounds[i] ?? '+Inf') }, value }
  })
  return [...buckets, { metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value }]
}
