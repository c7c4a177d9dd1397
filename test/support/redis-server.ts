import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'

/**
 * What ROLLCALL_TEST_REDIS_SERVER names, else the first on the PATH. Debian's redis-check-rdb, of the small package
 * redis-tools, is the same program. Null if there is none; in CI that is an error.
 */
export function redisServerBinary(env: NodeJS.ProcessEnv = process.env): string | null {
  const { ROLLCALL_TEST_REDIS_SERVER: named, PATH = '', CI } = env
  if (named) return named
  const found = ['redis-server', 'redis-check-rdb']
    .flatMap(name => PATH.split(delimiter).map(folder => join(folder, name)))
    .find(isExecutable)
  if (!found && CI) throw new Error('CI needs redis-server: set ROLLCALL_TEST_REDIS_SERVER, as .ci/servers does.')
  return found ?? null
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const running = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

/** A server without persistence: whatever ends it, it comes back empty, on its port. */
export class RedisServer {
  readonly #binary: string
  readonly #port: number
  readonly #raw: Redis
  #child: ChildProcess

  private constructor(binary: string, port: number, child: ChildProcess) {
    this.#binary = binary
    this.#port = port
    this.#child = child
    this.#raw = new Redis(this.url, { retryStrategy: () => 20, maxRetriesPerRequest: null })
    // It is away whenever the server is.
    this.#raw.on('error', () => {})
    process.once('exit', () => this.#child.kill('SIGKILL'))
  }

  static async start(binary: string): Promise<RedisServer> {
    const port = await freePort()
    return new RedisServer(binary, port, await launch(binary, port))
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`
  }

  /** A client that waits for the server, whatever becomes of it. */
  get raw(): Redis {
    return this.#raw
  }

  /** By SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    if (!running(this.#child)) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.up()
  }

  /** Running, whatever was done to it. */
  async up(): Promise<void> {
    this.thaw()
    if (!running(this.#child)) this.#child = await launch(this.#binary, this.#port)
  }

  async flush(): Promise<void> {
    await this.#raw.flushall()
  }

  /** It answers nothing until it thaws. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    this.#raw.disconnect()
    await this.kill()
  }
}

/** Resolves when it accepts connections. */
async function launch(binary: string, port: number): Promise<ChildProcess> {
  const options = { bind: '127.0.0.1', port, dir: tmpdir(), save: '', appendonly: 'no' }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  for (const deadline = Date.now() + 10_000; ; await pause(50)) {
    const child = spawn(binary, args, { argv0: 'redis-server', stdio: ['ignore', 'pipe', 'inherit'] })
    const written: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      written.push(line)
      if (!line.includes('Ready to accept connections')) continue
      child.stdout.resume()
      return child
    }
    if (Date.now() > deadline) throw new Error(`redis-server ended:\n${written.join('\n')}`)
  }
}

async function freePort(): Promise<number> {
  const socket = createServer().listen(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address() as { port: number }
  await new Promise(resolve => socket.close(resolve))
  return port
}
