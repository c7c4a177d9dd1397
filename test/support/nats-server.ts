import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'

const READY_MS = 20_000
const servers = new Set<NatsServer>()

process.once('exit', () => {
  for (const server of servers) server.discard()
})
// The bench starts servers too, without vitest.
if (process.env.VITEST) {
  const { afterAll } = await import('vitest')
  afterAll(() => Promise.all([...servers].map(server => server.stop())))
}

/** ROLLCALL_TEST_NATS_SERVER, or the one on the PATH; null without any, which CI does not bear. */
export function natsServerBinary(): string | null {
  const named = process.env.ROLLCALL_TEST_NATS_SERVER
  const onPath = (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, 'nats-server'))
  const found = (named ? [named] : onPath).find(isExecutable)
  if (!found && (named || process.env.CI))
    throw new Error(`there is no nats-server at ${named ?? 'any place of the PATH'}`)
  return found ?? null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

interface NatsServerOptions {
  port: number
  /** more lines of its configuration */
  config: string
  /** `user:password` or `token`, percent-encoded, as the configuration wants them */
  credentials: string
  /** what a .creds file holds, where the configuration wants that */
  creds: string
  /** a folder with what it holds when it starts */
  holds: string
}

/** A nats-server that syncs every message to disk, on a port and in a folder of its own. */
export class NatsServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rollcall-nats-'))
  readonly #options: NatsServerOptions
  readonly #store = join(this.#folder, 'store')
  readonly #kept = join(this.#folder, 'kept')
  #child: ChildProcess | undefined

  constructor(options: NatsServerOptions) {
    this.#options = options
    if (options.holds) cpSync(options.holds, this.#store, { recursive: true })
    servers.add(this)
  }

  get url(): string {
    const { port, credentials } = this.#options
    return `nats://${credentials && `${credentials}@`}127.0.0.1:${port}`
  }

  /** Resolves when JetStream answers. */
  async start(): Promise<this> {
    const config = join(this.#folder, 'nats.conf')
    const { port, config: more } = this.#options
    const jetstream = `jetstream { store_dir: '${this.#store}', sync_interval: always }`
    const lines = [`listen: '127.0.0.1:${port}'`, jetstream]
    writeFileSync(config, [...lines, more].join('\n'))
    const child = spawn(natsServerBinary()!, ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child = child
    let said = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      said = (said + text).slice(-4_000)
    })
    for (const deadline = Date.now() + READY_MS; !(await this.#answers()); await pause(20)) {
      if (!isRunning(child)) throw new Error(`nats-server ended by itself:\n${said}`)
      if (Date.now() > deadline) throw new Error(`nats-server does not answer:\n${said}`)
    }
    return this
  }

  async #answers(): Promise<boolean> {
    let connection: NatsConnection | undefined
    try {
      connection = await this.connect()
      await (await jetstreamManager(connection)).getAccountInfo()
      return true
    } catch {
      return false
    } finally {
      await connection?.close()
    }
  }

  /** A connection for a look behind the log's back. */
  connect(timeout = 1_000): Promise<NatsConnection> {
    const { host, username, password } = new URL(this.url)
    const [user, pass] = [username, password].map(decodeURIComponent) as [string, string]
    return connect({
      ...{ servers: host, timeout, reconnect: false },
      ...(pass ? { user, pass } : user && { token: user }),
      ...(this.#options.creds && { authenticator: credsAuthenticator(Buffer.from(this.#options.creds)) }),
    })
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (!child || !isRunning(child)) return
    const exit = once(child, 'exit')
    child.kill(signal)
    child.kill('SIGCONT')
    await exit
  }

  /** `kill -9`. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** On the same port and data, after `kill -9` if it is still running. */
  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** Keeps a copy of what it holds now; it is down for a moment. */
  async keep(): Promise<void> {
    await this.kill()
    cpSync(this.#store, this.#kept, { recursive: true })
    await this.start()
  }

  /** After this it holds what was kept, and nothing that came since; `kill -9` if it is still running. */
  async putBack(): Promise<void> {
    await this.kill()
    rmSync(this.#store, { recursive: true })
    cpSync(this.#kept, this.#store, { recursive: true })
    await this.start()
  }

  /** Resolves when it answers nobody any more: some of its threads go on for a moment. */
  async pause(): Promise<void> {
    this.#child!.kill('SIGSTOP')
    const isGone = async (): Promise<boolean> =>
      this.connect(100).then(
        connection => connection.close().then(() => false),
        () => true,
      )
    while (!(await isGone()));
  }

  resume(): void {
    this.#child!.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
    this.discard()
  }

  /** Without waiting, as a process that ends must. */
  discard(): void {
    if (this.#child && isRunning(this.#child)) this.#child.kill('SIGKILL')
    servers.delete(this)
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

/** A server of its own; it ends with the test file. */
export const startNatsServer = async (options: Partial<NatsServerOptions> = {}): Promise<NatsServer> =>
  new NatsServer({
    config: '',
    credentials: '',
    creds: '',
    holds: '',
    port: options.port ?? (await freePort()),
    ...options,
  }).start()
