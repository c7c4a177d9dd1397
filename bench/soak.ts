import { Random } from '../test/support/random.ts'
import { thousands } from './measure.ts'
import { Client } from './soak/client.ts'
import { Look } from './soak/look.ts'
import { disturb } from './soak/part.ts'
import { longestAway, ready } from './soak/readiness.ts'
import { embedded, onServers, type Setting } from './soak/setting.ts'
import { Traffic } from './soak/traffic.ts'

/**
 * Real processes under a platform's traffic, while whatever can be killed, stopped or cut is, several at a time. Now and
 * then all is healed and has to be as what was sent says, in the end also after a kill -9 of all: first embedded, then on
 * servers where their programs are. SOAK_SECONDS is for how long in all, SOAK_SEED decides on inputs and faults. Ends
 * with 1 where anything differs.
 */
const SECONDS = Number(process.env.SOAK_SECONDS ?? 180)
const SEED = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000_007)
const ROUND_SECONDS = 45
/** All has to be ready, and taken, so long after it was healed. */
const PATIENCE_MS = 90_000
const MOST_SHOWN = 40

const SETTINGS: Record<string, (random: Random) => Promise<Setting | null>> = { embedded, servers: onServers }

// Whatever was started ends when this process does.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

class Soak {
  readonly #setting: Setting
  readonly #random: Random
  readonly #urls: string[]
  readonly #client: Client
  readonly #traffic: Traffic
  readonly #faults = new Map<string, number>()
  readonly #differences: string[] = []
  readonly #began = performance.now()
  #longestUnwell = 0
  #longestAway = 0

  constructor(setting: Setting, random: Random) {
    this.#setting = setting
    this.#random = random
    this.#urls = setting.processes.map(({ url }) => url)
    this.#client = new Client(this.#urls, random)
    this.#traffic = new Traffic(this.#client, random)
  }

  /** Resolves with what differs. */
  async run(seconds: number): Promise<string[]> {
    const rounds = Math.max(1, Math.round(seconds / ROUND_SECONDS))
    for (let round = 1; round <= rounds && this.#differences.length === 0; round++)
      await this.#round(`round ${round} of ${rounds}`, AbortSignal.timeout(Math.ceil((seconds / rounds) * 1_000)))
    if (this.#differences.length > 0) return this.#differences
    const killed = Promise.all(this.#setting.processes.map(({ faults }) => faults['kill -9']!(0)))
    await this.#healed('all killed once more', killed, [])
    return this.#differences
  }

  async #round(name: string, signal: AbortSignal): Promise<void> {
    const late = new AbortController()
    const sent = this.#traffic.run(signal, late.signal)
    const away = longestAway(this.#urls, signal)
    const disturbed = disturb(this.#setting.parts, this.#random, signal, this.#faults)
    await this.#healed(name, disturbed, [sent], late)
    this.#longestAway = Math.max(this.#longestAway, await away)
  }

  /** Looks at all of it when it was healed, is ready again, and has taken what was sent. */
  async #healed(name: string, faults: Promise<unknown>, sent: Promise<void>[], late = new AbortController()) {
    const { processes } = this.#setting
    // Said below; until then it is no rejection that nobody handles.
    for (const each of sent) each.catch(() => {})
    let timer: NodeJS.Timeout | undefined
    try {
      await faults
      timer = setTimeout(() => late.abort(), PATIENCE_MS)
      const ms = await ready(this.#urls, late.signal)
      this.#longestUnwell = Math.max(this.#longestUnwell, ms)
      await Promise.all(sent)
      for (const { url, name } of processes) {
        const look = new Look(this.#traffic, this.#client, url)
        await look.all()
        this.#differences.push(...look.differences.map(text => `${name}, ${text}`))
      }
      console.log(`  ${name}: well ${(ms / 1_000).toFixed(1)} s after it was healed`)
    } catch (error) {
      this.#differences.push((error as Error).message)
    } finally {
      late.abort()
      clearTimeout(timer)
    }
    for (const each of [this.#client, ...processes]) this.#differences.push(...each.troubles.splice(0))
  }

  tell(): void {
    const { processes } = this.#setting
    const { tries, unanswered, refused, lost } = this.#client.counts
    const { beats, visits, commands } = this.#traffic
    const sum = (counts: Iterable<number>): number => [...counts].reduce((all, count) => all + count, 0)
    const inVain = processes.flatMap(({ inVain }) => [...inVain.values()])
    const memory = processes.map(({ memory: { now, most } }) => `${now} MiB (${most} at most)`)
    const rows: [string, string | number][] = [
      ['seconds', (performance.now() - this.#began) / 1_000],
      ['heartbeats', beats.length],
      ['web events', visits.length],
      ['session commands', commands.length],
      ['requests', tries],
      ['  unanswered', unanswered],
      ['  refused', refused],
      ['  whose answer was lost', lost],
      ['faults', sum(this.#faults.values())],
      ...[...this.#faults].sort().map(([name, count]): [string, number] => [`  ${name}`, count]),
      ['claims of all partitions', sum(processes.map(({ claims }) => claims))],
      ['starts in vain, a server being away', sum(inVain)],
      ['longest that no process was ready', `${(this.#longestAway / 1_000).toFixed(1)} s`],
      ['longest until well when healed', `${(this.#longestUnwell / 1_000).toFixed(1)} s`],
      ['longest until an input was taken', `${(this.#client.slowest / 1_000).toFixed(1)} s`],
      ['memory', memory.join(', ')],
    ]
    for (const [name, value] of rows)
      console.log(`  ${name.padEnd(38)}${typeof value === 'number' ? thousands(value) : value}`)
  }
}

if (!(SECONDS > 0) || !Number.isSafeInteger(SEED)) throw new Error('SOAK_SECONDS and SOAK_SEED are to be numbers')
const wanted = process.argv.slice(2)
const names = wanted.length > 0 ? wanted : Object.keys(SETTINGS)
console.log(`SOAK_SEED=${SEED} SOAK_SECONDS=${SECONDS}`)
let failed = 0
for (const name of names) {
  const random = new Random(SEED)
  const open = SETTINGS[name]
  if (!open) throw new Error(`there is no ${name}, but ${Object.keys(SETTINGS).join(' and ')}`)
  const setting = await open(random)
  if (setting === null) {
    console.log(`${name}: skipped, the programs are not here`)
    continue
  }
  console.log(`${setting.name}, for ${Math.round(SECONDS / names.length)} s:`)
  const soak = new Soak(setting, random)
  const differences = await soak.run(SECONDS / names.length)
  soak.tell()
  await setting.stop()
  for (const text of differences.slice(0, MOST_SHOWN)) console.log(`  DIFFERS: ${text}`)
  failed += differences.length
}
console.log(failed === 0 ? 'all agrees' : `${failed} differences`)
process.exit(failed === 0 ? 0 : 1)
