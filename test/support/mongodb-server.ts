import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Db, MongoClient } from 'mongodb'
import { connectMongo, type MongoConnection } from '../../src/mongodb/index.ts'
import { temporaryDirectory } from './server.ts'

// The soak starts one too, without vitest.
const vitest = process.env.VITEST ? await import('vitest') : null

/** A server that speaks MongoDB's protocol, started before the tests of a file and shared by them. */
export interface MongodbServer {
  /** Resolves when it answers; vitest does it before the tests of a file, and stops it behind them. */
  start(): Promise<void>
  /** of a database that nobody has used */
  freshUrl(): string
  /** what can be killed: nothing of a server that was running before */
  readonly kills: readonly ('kill' | 'killPostgres')[]
  /** kill -9 of what clients are connected to */
  kill(): Promise<void>
  /** kill -9 of what is behind the gateway */
  killPostgres(): Promise<void>
  /** What clients are connected to answers nothing until it thaws. */
  freeze(): void
  thaw(): void
  /** Starts what was killed; resolves when the server answers. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** A process that may be killed and started again. */
class Service {
  readonly #command: string[]
  readonly #env: NodeJS.ProcessEnv
  readonly #probe: () => Promise<unknown>
  #child: ChildProcess | undefined
  #output = ''

  constructor(command: string[], probe: () => Promise<unknown>, env: NodeJS.ProcessEnv = {}) {
    this.#command = command
    this.#probe = probe
    this.#env = env
    process.once('exit', () => this.#child?.kill('SIGKILL'))
  }

  get #isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves when the probe succeeds. */
  async start(): Promise<void> {
    if (!this.#isRunning) this.#spawn()
    for (const deadline = Date.now() + 30_000; ; await pause(20)) {
      try {
        await this.#probe()
        return
      } catch (cause) {
        if (!this.#isRunning || Date.now() > deadline)
          throw new Error(`${this.#command.join(' ')}\n${this.#output}`, { cause })
      }
    }
  }

  #spawn(): void {
    const [command, ...args] = this.#command as [string, ...string[]]
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.#env } })
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', text => {
        this.#output = (this.#output + text).slice(-4_000)
      })
    this.#child = child
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal)
  }

  /** Resolves when those it started have ended as well: PostgreSQL's hold on to its memory. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child || !this.#isRunning) return
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ').filter(Boolean)
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
    while (children.some(isAlive)) await pause(5)
  }
}

/** Whether there is such a process, other than one that only waits to be reaped. */
function isAlive(pid: string): boolean {
  const stat = `/proc/${pid}/stat`
  return existsSync(stat) && !/\) [ZX]/.test(readFileSync(stat, 'utf8'))
}

async function freePort(): Promise<number> {
  const socket = createServer().listen(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address() as { port: number }
  await promisify(socket.close.bind(socket))()
  return port
}

async function answers(url: string): Promise<void> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 1_000 })
  try {
    await client.db('rollcall-test').collection('probe').findOne()
  } finally {
    await client.close()
  }
}

const execute = promisify(execFile)

async function mongod(program: string): Promise<{ url: string; services: Service[] }> {
  const port = String(await freePort())
  const url = `mongodb://127.0.0.1:${port}/?directConnection=true`
  const command = [program, '--dbpath', temporaryDirectory(), '--port', port, '--bind_ip', '127.0.0.1']
  return { url, services: [new Service(command, () => answers(url))] }
}

/** PostgreSQL below `root`, which holds a Debian with DocumentDB, and FerretDB before it. */
async function ferretdb(program: string, root: string): Promise<{ url: string; services: Service[] }> {
  const [port, postgresPort] = [String(await freePort()), String(await freePort())]
  const data = temporaryDirectory()
  const { uid, gid } = statSync(join(root, 'var/lib/postgresql'))
  for (const folder of ['postgres', 'ferretdb']) mkdirSync(join(data, folder))
  chownSync(join(data, 'postgres'), uid, gid)
  const version = readdirSync(join(root, 'usr/lib/postgresql')).at(-1)
  const bin = `/usr/lib/postgresql/${version}/bin`
  // As its user, with its data at /mnt by a mount that ends with the process.
  const mount =
    'mount --bind "$0" "$1/mnt" && root=$1 && shift && exec chroot --userspec=postgres:postgres "$root" "$@"'
  const chrooted = ['unshare', '-m', 'sh', '-c', mount, join(data, 'postgres'), root]
  await execute(chrooted[0]!, [
    ...[...chrooted.slice(1), `${bin}/initdb`, '-D', '/mnt/data', '-A', 'trust', '-U', 'postgres'],
    ...['--no-sync', '--locale=C.UTF-8'],
  ])
  const settings = Object.entries({
    ...{ listen_addresses: '127.0.0.1', unix_socket_directories: '' },
    shared_preload_libraries: 'pg_cron,pg_documentdb_core,pg_documentdb',
    ...{ 'cron.database_name': 'postgres', 'cron.host': '127.0.0.1' },
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const extend = 'create extension if not exists documentdb cascade'
  const postgres = new Service(
    [...chrooted, `${bin}/postgres`, '-D', '/mnt/data', '-p', postgresPort, ...settings],
    () =>
      execute('chroot', [root, `${bin}/psql`, '-h', '127.0.0.1', '-p', postgresPort, '-U', 'postgres', '-c', extend]),
  )
  const url = `mongodb://127.0.0.1:${port}/?directConnection=true`
  const gateway = new Service([program], () => answers(url), {
    FERRETDB_POSTGRESQL_URL: `postgres://postgres@127.0.0.1:${postgresPort}/postgres`,
    FERRETDB_LISTEN_ADDR: `127.0.0.1:${port}`,
    FERRETDB_STATE_DIR: join(data, 'ferretdb'),
    ...{ FERRETDB_AUTH: 'false', FERRETDB_TELEMETRY: 'disable', FERRETDB_DEBUG_ADDR: '-' },
  })
  return { url, services: [postgres, gateway] }
}

const onPath = (name: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(file => existsSync(file))

interface Found {
  make(): Promise<{ url: string; services: Service[] }>
  kills: MongodbServer['kills']
}

/** How to start one here; null if nothing is installed. */
function found(): Found | null {
  const env = process.env
  const url = env.ROLLCALL_TEST_MONGODB_URL
  if (url) return { make: async () => ({ url, services: [] }), kills: [] }
  const mongo = env.ROLLCALL_TEST_MONGOD ?? onPath('mongod')
  if (mongo) return { make: () => mongod(mongo), kills: ['kill'] }
  const [ferret, root] = [env.ROLLCALL_TEST_FERRETDB ?? onPath('ferretdb'), env.ROLLCALL_TEST_DOCUMENTDB]
  return ferret && root ? { make: () => ferretdb(ferret, root), kills: ['kill', 'killPostgres'] } : null
}

/** The server of this test file; null where there is none, which in CI is an error. */
export function mongodbServer(): MongodbServer | null {
  const ways = found()
  if (ways === null) {
    const wanted =
      'ROLLCALL_TEST_MONGODB_URL, ROLLCALL_TEST_MONGOD, or ROLLCALL_TEST_FERRETDB and ROLLCALL_TEST_DOCUMENTDB'
    if (process.env.CI) throw new Error(`there is no MongoDB to test with: set ${wanted}`)
    return null
  }
  let url = ''
  let services: Service[] = []
  const server: MongodbServer = {
    start: async () => {
      const made = await ways.make()
      url = made.url
      services = made.services
      await server.restart()
    },
    freshUrl: () => url.replace(/^(\w+(?:\+srv)?:\/\/[^/?]+)\/?[^?]*/, `$1/rollcall-test-${randomUUID()}`),
    kills: ways.kills,
    kill: () => services.at(-1)!.end('SIGKILL'),
    killPostgres: () => services[0]!.end('SIGKILL'),
    freeze: () => services.at(-1)!.signal('SIGSTOP'),
    thaw: () => services.at(-1)!.signal('SIGCONT'),
    restart: async () => {
      for (const service of services) await service.start()
    },
    stop: async () => {
      for (const service of services.toReversed()) await service.end('SIGINT')
    },
  }
  vitest?.beforeAll(() => server.start())
  vitest?.afterAll(() => server.stop())
  return server
}

/** A database that nobody has used. */
export class FreshDatabase {
  readonly url: string
  readonly #connections: MongoConnection[] = []

  constructor(server: MongodbServer) {
    this.url = server.freshUrl()
  }

  /** On a connection of its own. */
  async connect(): Promise<Db> {
    const connection = await connectMongo(this.url)
    this.#connections.push(connection)
    return connection.db
  }

  async drop(): Promise<void> {
    await this.#connections[0]?.db.dropDatabase()
    for (const { close } of this.#connections) await close()
  }
}
