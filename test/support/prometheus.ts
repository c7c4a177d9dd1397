import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ROOT } from './imports.ts'
import { freePort } from './nats-server.ts'
import { temporaryDirectory } from './server.ts'

export const RULES = join(ROOT, 'ops/rollcall.rules.yml')

/** The folder of `prometheus` and `promtool`; null without any, which CI does not bear. */
export function prometheusFolder(): string | null {
  const { ROLLCALL_TEST_PROMETHEUS: named, PATH = '', CI } = process.env
  const found = (named ? [named] : PATH.split(delimiter)).find(folder => existsSync(join(folder, 'promtool')))
  if (!found && (named || CI)) throw new Error(`there is no promtool in ${named ?? 'any folder of the PATH'}`)
  return found ?? null
}

/** Runs promtool with an input; resolves with its code and all it said. */
export function promtool(args: string[], input = ''): Promise<{ code: number; said: string }> {
  return new Promise(resolve => {
    const child = execFile(join(prometheusFolder()!, 'promtool'), args, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, said: stdout + stderr }),
    )
    child.stdin!.end(input)
  })
}

/** The samples of a text in the format of Prometheus, by their series. */
export function samplesOf(text: string): Map<string, string> {
  const found = [...text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/gm)]
  return new Map(found.map(([, name, labels = '', value]) => [`${name}{${labels}}`, value!]))
}

/** What Rollcall answered at some moment, null if nothing, as Prometheus is to have seen it so many times. */
export interface Scrape {
  text: string | null
  times: number
}

export async function scraped(url: string, times: number): Promise<Scrape> {
  const text = await fetch(`${url}/metrics`).then(
    response => response.text(),
    () => null,
  )
  return { text, times }
}

/** What twenty looks find while something lasts, each of which is taken for what was found so many times. */
export async function lasting(
  url: string,
  meanwhile: () => Promise<unknown> = () => pause(100),
  times = 2,
): Promise<Scrape[]> {
  const scrapes: Scrape[] = []
  for (let n = 0; n < 20; n++) {
    await meanwhile()
    scrapes.push(await scraped(url, times))
  }
  return scrapes
}

/** What a series is now; NaN if it is not there. */
export async function sampled(url: string, series: string): Promise<number> {
  const { text } = await scraped(url, 1)
  return Number(samplesOf(text ?? '').get(series) ?? Number.NaN)
}

const STEP_S = 15
/** Scrapes of five minutes. */
export const FIVE_MINUTES = 300 / STEP_S

/**
 * The alerts of `ops/` that fire at the end of the scrapes of some processes, which follow each other in steps of 15 s:
 * promtool is told that these fire and no others, and what it says to that.
 */
export async function fires(alerts: readonly string[], ...processes: Scrape[][]): Promise<string> {
  const series = new Map<string, string[]>()
  const lengths = processes.map(scrapes => scrapes.reduce((sum, { times }) => sum + times, 0))
  for (const [number, scrapes] of processes.entries()) {
    let place = 0
    for (const { text, times } of scrapes) {
      const samples = samplesOf(text ?? '')
      samples.set('up{}', text === null ? '0' : '1')
      for (const [name, value] of samples) {
        const labels = `job="rollcall",instance="127.0.0.1:${7420 + number}"`
        const key = name.replace(/\{(.*)\}$/, (_, own) => `{${[...(own ? [own] : []), labels].join(',')}}`)
        const values = series.get(key) ?? Array<string>(lengths[number]!).fill('_')
        series.set(key, values.fill(value, place, place + times))
      }
      place += times
    }
  }
  return firing(alerts, new Map([...series].map(([name, values]) => [name, values.join(' ')])), Math.max(...lengths))
}

/** The same of series as promtool writes them, at the last of so many scrapes. */
export async function firing(
  alerts: readonly string[],
  series: ReadonlyMap<string, string>,
  scrapes: number,
): Promise<string> {
  const end = `${(scrapes - 1) * STEP_S}s`
  const exp_samples = alerts.map(alert => ({ labels: `{alertname="${alert}"}`, value: 1 }))
  const expr = 'group by (alertname) (ALERTS{alertstate="firing"})'
  const test = {
    interval: `${STEP_S}s`,
    input_series: [...series].map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [{ expr, eval_time: end, exp_samples }],
  }
  const file = join(temporaryDirectory(), 'alerts.json')
  writeFileSync(file, JSON.stringify({ rule_files: [RULES], evaluation_interval: `${STEP_S}s`, tests: [test] }))
  const { code, said } = await promtool(['test', 'rules', file])
  return code === 0 ? 'so it is' : said
}

/** A Prometheus with the configuration of `ops/`, but for what it scrapes and how often. */
export class Prometheus {
  readonly url: string
  readonly #child: ChildProcess
  #said = ''

  private constructor(url: string, child: ChildProcess) {
    this.url = url
    this.#child = child
    child.stderr!.setEncoding('utf8').on('data', text => {
      this.#said = (this.#said + text).slice(-100_000)
    })
    process.once('exit', () => child.kill('SIGKILL'))
  }

  static async start(target: string, interval: string): Promise<Prometheus> {
    const folder = temporaryDirectory()
    const config = readFileSync(join(ROOT, 'ops/prometheus.yml'), 'utf8')
      .replaceAll(/(scrape|evaluation)_interval: \w+/g, `$1_interval: ${interval}`)
      .replace('rollcall.rules.yml', RULES)
      .replace('127.0.0.1:7420', target)
    writeFileSync(join(folder, 'prometheus.yml'), config)
    const address = `127.0.0.1:${await freePort()}`
    const args = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`]
    const binary = join(prometheusFolder()!, 'prometheus')
    const child = spawn(binary, [...args, `--web.listen-address=${address}`], { stdio: ['ignore', 'ignore', 'pipe'] })
    const started = new Prometheus(`http://${address}`, child)
    for (const deadline = Date.now() + 20_000; !(await started.#isReady()); await pause(50)) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`prometheus:\n${started.#said}`)
    }
    return started
  }

  #isReady(): Promise<boolean> {
    return fetch(`${this.url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  }

  /** Resolves when it has scraped what it was told to; rejects if it cannot. */
  async scraping(): Promise<void> {
    for (const deadline = Date.now() + 20_000; ; await pause(100)) {
      const { activeTargets } = await this.api('targets')
      if (activeTargets[0]?.health === 'up') return
      if (Date.now() > deadline) throw new Error(JSON.stringify(activeTargets))
    }
  }

  /** Its warnings and errors. */
  get complaints(): string[] {
    return this.#said.split('\n').filter(line => /level=(warn|error)/.test(line))
  }

  // biome-ignore lint/suspicious/noExplicitAny: the tests look inside
  async api(path: string, query: Record<string, string> = {}): Promise<any> {
    const response = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(query)}`)
    const { status, data, error } = (await response.json()) as { status: string; data: unknown; error?: string }
    if (status !== 'success') throw new Error(`${path} ${JSON.stringify(query)}: ${error}`)
    return data
  }

  stop(): void {
    this.#child.kill('SIGTERM')
  }
}
