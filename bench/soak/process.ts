import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../test/support/nats-server.ts'
import { type Env, Server, temporaryDirectory } from '../../test/support/server.ts'
import { between, type Fault } from './part.ts'
import { Wire } from './wire.ts'

const TAIL = 15
/** By its own word it ends within nine seconds; the machine may be busy. */
const END_MS = 20_000
/** Servers that it needs are never away for so long. */
const START_MS = 60_000
/** Why it does not start: a server is away. */
const IN_VAIN = /RC_(SERVICE_UNREACHABLE|STORE_UNAVAILABLE|LOG_UNAVAILABLE|UNREACHABLE)/
const FOREVER_MS = 2_000_000_000

/** A process of Rollcall that comes back whenever it ends, at one port, with a wire of its clients before it. */
export class Process {
  readonly name: string
  readonly wire: Wire
  /** what it did that it must not do */
  readonly troubles: string[] = []
  /** by why it could not: on servers that are away */
  readonly inVain = new Map<string, number>()
  readonly #isAlone: boolean
  readonly #server: Server
  #life = Promise.resolve()
  /** when it is back, having ended by itself */
  #revived = Promise.resolve()
  #isEnding = false
  #isOver = false
  #claimed = 0

  private constructor(name: string, wire: Wire, server: Server, isAlone: boolean) {
    this.name = name
    this.wire = wire
    this.#server = server
    this.#isAlone = isAlone
  }

  /** A process that `isAlone` needs no server, so it has no excuse. */
  static async start(name: string, env: Env, isAlone: boolean): Promise<Process> {
    const port = await freePort()
    const server = new Server({ ...env, ROLLCALL_PORT: String(port) }, temporaryDirectory())
    const started = new Process(name, await Wire.to(port), server, isAlone)
    await started.#start()
    return started
  }

  /** How often it took over all partitions. */
  get claims(): number {
    const own = this.#server.output.match(/owns the partitions/g)?.length ?? 0
    return this.#claimed + (this.#isOver ? 0 : own)
  }

  get url(): string {
    return `http://127.0.0.1:${this.wire.port}`
  }

  readonly faults: Record<string, Fault> = {
    'kill -9': async ms => {
      await this.#end('SIGKILL', FOREVER_MS)
      await pause(ms)
      await this.#start()
    },
    SIGTERM: async ms => {
      const code = await this.#end('SIGTERM', END_MS)
      if (code === 'late') {
        this.#complain(`did not end ${END_MS / 1_000} s after SIGTERM`)
        await this.#end('SIGKILL', FOREVER_MS)
      } else if (code !== 0 && (code !== 1 || this.#isAlone)) this.#complain(`ended with ${code} after SIGTERM`)
      await pause(ms / 5)
      await this.#start()
    },
    SIGSTOP: between(
      () => this.#server.signal('SIGSTOP'),
      () => this.#server.signal('SIGCONT'),
    ),
  }

  /** MiB of its own now, and the most that it had in this life; none where it is not running. */
  get memory(): { now: number; most: number } {
    if (this.#isOver) return { now: 0, most: 0 }
    const status = readFileSync(`/proc/${this.#server.pid}/status`, 'utf8')
    const of = (line: string): number =>
      Math.round(Number(new RegExp(`^${line}:\\s+(\\d+)`, 'm').exec(status)![1]) / 1_024)
    return { now: of('RssAnon'), most: of('VmHWM') }
  }

  /** For good. */
  async stop(): Promise<void> {
    await this.#end('SIGKILL', FOREVER_MS)
    this.wire.close()
  }

  #complain(text: string): void {
    this.troubles.push([`${this.name} ${text}`, ...this.#server.output.split('\n').slice(-TAIL)].join('\n    '))
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM', withinMs: number): Promise<number | string | null> {
    await this.#revived
    this.#isEnding = true
    this.#server.signal(signal)
    const code = await this.#server.code(withinMs)
    if (code !== 'late') await this.#life
    return code
  }

  /** Resolves when it listens; rejects if it does not for too long. */
  async #start(): Promise<void> {
    for (const until = performance.now() + START_MS; ; await pause(300)) {
      try {
        await this.#server.listening()
        break
      } catch (error) {
        const code = IN_VAIN.exec(String(error))?.[0]
        if (this.#isAlone || !code) this.#complain('did not start')
        else this.inVain.set(code, (this.inVain.get(code) ?? 0) + 1)
        if (performance.now() > until) throw error
      }
    }
    this.#isEnding = false
    this.#isOver = false
    this.#life = this.#live()
  }

  /** As a supervisor does: it is started again when it ends by itself. */
  async #live(): Promise<void> {
    const code = await this.#server.code(FOREVER_MS)
    this.#claimed = this.claims
    this.#isOver = true
    if (this.#isEnding) return
    this.#complain(`ended by itself with ${code}`)
    this.#revived = this.#start()
  }
}
