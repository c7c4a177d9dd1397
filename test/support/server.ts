import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { unlike } from './answers.ts'

const bin = new URL('../../bin/rollcall.js', import.meta.url).pathname

export type Env = Record<string, string>

// biome-ignore lint/suspicious/noExplicitAny: a body is whatever the server answers; the tests look inside
export type Body = any

export interface Reply {
  status: number
  headers: Headers
  body: Body
}

/** `after` waits for everything this server has accepted so far. */
export interface ReadOptions {
  after?: boolean
  headers?: Env
}

const processes = new Set<ChildProcess>()
const directories = new Set<string>()

function cleanUp(): void {
  for (const child of processes) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}

process.once('exit', cleanUp)
// The soak starts servers too, without vitest.
if (process.env.VITEST) {
  const { afterAll } = await import('vitest')
  afterAll(async () => {
    const exits = [...processes].filter(running).map(child => once(child, 'exit'))
    for (const child of processes) child.kill('SIGKILL')
    await Promise.all(exits)
    cleanUp()
  })
}

const running = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  directories.add(directory)
  return directory
}

/** Starts `rollcall <args>` with the environment of the tests, without any setting of Rollcall's own but those given. */
export function rollcall(args: string[], env: Env = {}): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(ROLLCALL|PUSHER|FIREBASE)_/.test(name))
  const child = spawn(process.execPath, [bin, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  processes.add(child)
  child.once('exit', () => processes.delete(child))
  return child
}

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

/** Resolves when the process has ended, with all it wrote. */
export async function ended(child: ChildProcess): Promise<Ran> {
  const ran: Ran = { code: null, stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', text => {
    ran.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', text => {
    ran.stderr += text
  })
  await once(child, 'close')
  ran.code = child.exitCode
  return ran
}

/** Where servers keep their things beside the folder they are given; another setup may say otherwise. */
export const backends = {
  /** everything takes longer there */
  areServers: false,
  envOf: async (_data: string): Promise<Env> => ({}),
  /** A server that starts with `to` finds the log of `from`, which has ended, and nothing else. */
  async copyLog(from: string, to: string): Promise<void> {
    cpSync(join(from, 'log'), join(to, 'log'), { recursive: true })
  },
  /** Ids of the effects other services heard of. */
  heard: (): string[] => [],
}

const DECIDED = /"msg":"(owns the partitions|standing by)"/
/** Codes of partitions that are about to go on. */
const COMING = ['RC_NOT_READY', 'RC_SHARD_TIMEOUT']

export class Server {
  readonly data: string
  readonly #env: Env
  readonly #positions = new Map<number, bigint>()
  #child: ChildProcess | undefined
  /** the last lines of its output */
  #written: string[] = []
  #url = Promise.withResolvers<string>()

  constructor(env: Env, data: string) {
    this.data = data
    this.#env = { ROLLCALL_PORT: '0', ROLLCALL_SHARDS: '2', ROLLCALL_DATA: data, ...env }
  }

  get pid(): number {
    return this.#child?.pid ?? -1
  }

  /** The last lines it wrote. */
  get output(): string {
    return this.#written.join('\n')
  }

  /** Where the running server listens; waits while it is down. */
  get url(): Promise<string> {
    return this.#url.promise
  }

  /** Resolves when the server listens and has taken over its partitions, or cannot, or stands by; rejects if it ends. */
  async start(): Promise<this> {
    await this.listening()
    const url = await this.url
    const child = this.#child!
    for (;;) {
      // Killed meanwhile, it is what the test made of it.
      if (child.signalCode !== null) return this
      if (child.exitCode !== null) throw new Error(`server ended with ${child.exitCode}\n${this.output}`)
      const isDecided = this.#written.some(line => DECIDED.test(line))
      const { stopped } = await fetch(`${url}/readyz`).then(
        response => response.json() as Body,
        () => ({}),
      )
      if (isDecided && stopped && !stopped.some((each: Body) => COMING.includes(each.stopped.code))) return this
      await pause(20)
    }
  }

  /** Resolves when the server listens, rejects with what it wrote if it ends before. */
  async listening(): Promise<this> {
    const child = rollcall(['serve'], { ...(await backends.envOf(this.data)), ...this.#env })
    this.#child = child
    const written: string[] = []
    this.#written = written
    const listening = new Promise<string>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        if (!stream) continue
        createInterface({ input: stream }).on('line', line => {
          written.push(line)
          if (written.length > 20_000) written.shift()
          if (line.includes('"msg":"listening"')) resolve(JSON.parse(line).url)
        })
      }
      child.once('close', code => reject(new Error(`server ended with ${code}\n${written.join('\n')}`)))
    })
    this.#url.resolve(await listening)
    return this
  }

  /** Resolves when the process has ended, however it came. */
  async ended(): Promise<void> {
    const child = this.#child!
    if (running(child)) await once(child, 'exit')
    this.#url = Promise.withResolvers<string>()
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Asks the server to end and insists that it does so without complaint. */
  async stop(): Promise<void> {
    const code = await this.#end('SIGTERM')
    if (code !== 0) throw new Error(`SIGTERM: the server ended with ${code}\n${this.#written.join('\n')}`)
  }

  /** To the process, if it is there. */
  signal(signal: NodeJS.Signals): void {
    this.#child!.kill(signal)
  }

  /** With which code it ended within the time; 'late' if it did not. */
  async code(withinMs: number): Promise<number | NodeJS.Signals | null | 'late'> {
    const child = this.#child!
    const late = pause(withinMs, 'late' as const, { ref: false })
    if ((await Promise.race([running(child) ? once(child, 'exit') : null, late])) === 'late') return 'late'
    this.#url = Promise.withResolvers<string>()
    return child.exitCode ?? child.signalCode
  }

  /** kill -9, then start on the same data; `env` holds from here on. */
  async restart(env: Env = {}): Promise<void> {
    if (this.#child && running(this.#child)) await this.kill()
    Object.assign(this.#env, env)
    await this.start()
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    const child = this.#child
    if (!child || !running(child)) throw new Error('the server is not running')
    this.#url = Promise.withResolvers<string>()
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
    return child.exitCode ?? child.signalCode
  }

  get(path: string, options: ReadOptions = {}): Promise<Reply> {
    const after: Env = options.after && this.#positions.size > 0 ? { 'rollcall-after': this.positions } : {}
    return this.request('GET', path, undefined, { ...after, ...options.headers })
  }

  post(path: string, body: unknown, headers: Env = {}): Promise<Reply> {
    return this.request('POST', path, JSON.stringify(body), { 'content-type': 'application/json', ...headers })
  }

  put(path: string, body?: unknown): Promise<Reply> {
    if (body === undefined) return this.request('PUT', path)
    return this.request('PUT', path, JSON.stringify(body), { 'content-type': 'application/json' })
  }

  del(path: string): Promise<Reply> {
    return this.request('DELETE', path)
  }

  /** The greatest position of every partition seen in a reply. */
  get positions(): string {
    return [...this.#positions].map(([partition, seq]) => `${partition}-${seq}`).join(',')
  }

  async request(method: string, path: string, body?: string, headers: Env = {}): Promise<Reply> {
    const response = await fetch((await this.url) + path, { method, headers, ...(body !== undefined && { body }) })
    const text = await response.text()
    for (const position of response.headers.get('rollcall-position')?.split(',') ?? []) {
      const [partition, seq] = position.split('-')
      const seen = this.#positions.get(Number(partition)) ?? 0n
      if (BigInt(seq ?? 0) > seen) this.#positions.set(Number(partition), BigInt(seq ?? 0))
    }
    const type = response.headers.get('content-type')
    const reply = {
      status: response.status,
      headers: response.headers,
      body: type?.includes('json') && text !== '' ? JSON.parse(text) : text,
    }
    const fault = unlike(method, path, reply.status, type, reply.body)
    if (fault !== null) throw new Error(`An answer is not as the document says: ${fault}\n${text.slice(0, 2_000)}`)
    return reply
  }

  /** Sends the same body until it is accepted, through crashes and restarts. */
  async deliver(path: string, body: unknown, method: 'post' | 'put' = 'post'): Promise<Reply> {
    const deadline = Date.now() + 40_000
    for (;;) {
      let failure: unknown
      try {
        const reply = await this[method](path, body)
        if (reply.status < 300) return reply
        failure = new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`)
        if (reply.status !== 503) throw failure
      } catch (error) {
        if (error === failure) throw error
        failure ??= error
      }
      if (Date.now() > deadline) throw failure
      await pause(20)
    }
  }
}

/** A server of its own, on a free port and fresh data; it ends with the test file. */
export const startServer = (env: Env = {}, data: string = temporaryDirectory()): Promise<Server> =>
  new Server(env, data).start()

/** Runs `work` on every item, at most `width` at a time. */
export async function inParallel<T>(
  width: number,
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]()
  const worker = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: width }, worker))
}
