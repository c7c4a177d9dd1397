import type { Logger } from 'pino'
import { RollcallError } from '../../errors.ts'
import { appender } from '../../log/append.ts'
import type { Exposition } from '../../observe/exposition.ts'
import type { Faults } from '../../observe/index.ts'
import type { Servers } from '../../observe/servers.ts'
import type { Works } from '../../observe/work.ts'
import type { OwnerDirectory } from '../../ownership/directory.ts'
import type { Links } from '../../ownership/link.ts'
import type { Pasts } from '../../past/index.ts'
import type { OwnStores } from '../../stores.ts'
import type { SteadyTime } from '../../time.ts'
import type { AuthSettings } from '../auth-settings.ts'
import { Callers } from '../callers.ts'
import { diskOf } from '../disk.ts'
import { addGauges } from '../gauges.ts'
import { InFlight } from '../http/in-flight.ts'
import { httpServer } from '../http/index.ts'
import type { Bridge, BridgeSettings } from '../index.ts'
import { Intake } from '../intake.ts'
import { Limits } from '../limits.ts'
import { looksOf } from '../looks.ts'
import { Refusals } from '../refusals.ts'
import { Stamp } from '../stamp.ts'
import { StreamerSessions } from '../streamer-sessions.ts'
import { Subscriptions } from '../subscriptions.ts'
import { Turns } from '../turns.ts'

/** Requests under way at the end may take so long to be answered. */
const LAST_ANSWERS_MS = 2_000
const LAST_REFUSALS_MS = 500
/** Connections that may come at once. The kernel drops more, and who connects tries again no sooner than after a second. */
const BACKLOG = 4_096

export interface DoorsOptions {
  settings: BridgeSettings & {
    /** null: dev mode, in which every caller may do everything */
    auth: AuthSettings | null
    /** a path that begins with one of these, then an id, is a page of that stream */
    streamPaths: readonly string[]
  }
  stores: OwnStores
  directory: OwnerDirectory
  pasts: Pasts
  works: Works
  exposition: Exposition
  servers: Servers
  time: SteadyTime
  faults: Faults
  logger: Pick<Logger, 'info' | 'warn'>
}

/** A bridge behind its two doors, HTTP and NATS. From the drain to the close HTTP refuses everybody. */
export class Doors {
  readonly subscriptions: Subscriptions
  readonly #bridge: Bridge
  readonly #inFlight: InFlight
  readonly #http: ReturnType<typeof httpServer>

  constructor({ settings, stores, ...known }: DoorsOptions) {
    const { directory, exposition, time } = known
    const { documents, log } = stores
    const append = appender(log, settings.partitions, (partition, events) => directory.refusalOf(partition, events))
    const stamp = new Stamp(documents, settings.streamPaths)
    const limits = new Limits(settings.rates, time)
    const turns = new Turns(time)
    const parts = { settings, append, stamp, documents, limits, turns, ...known }
    this.subscriptions = new Subscriptions(documents)
    this.#bridge = {
      ...parts,
      callers: settings.auth && new Callers(settings.auth, time),
      intake: new Intake(parts),
      streamers: new StreamerSessions(parts),
      subscriptions: this.subscriptions,
      looks: looksOf(parts, () => diskOf(stores.places)),
      refusals: new Refusals({ ...parts, meter: exposition.meter }),
    }
    addGauges(this.#bridge)
    this.#inFlight = new InFlight(time)
    this.#http = httpServer(this.#bridge, this.#inFlight)
  }

  /** Opens the doors: NATS first, so that all who are told of the URL are heard there too. RC_LISTEN_FAILED. */
  async listen(
    { nats }: Pick<Links, 'nats'>,
    address: { host: string; port: number },
  ): Promise<{ url: string; drain(): Promise<void> }> {
    const inputs = nats && new (await import('../nats/index.ts')).NatsInputs(nats, this.#bridge)
    const drain = async (): Promise<void> => {
      this.#bridge.directory.stopWaiting()
      await Promise.all([this.#inFlight.drain(LAST_ANSWERS_MS), inputs?.close(LAST_ANSWERS_MS)])
    }
    await nats?.flush().catch(error => this.#bridge.faults.report('request', error))
    try {
      return { url: await this.#http.listen({ ...address, backlog: BACKLOG }), drain }
    } catch (cause) {
      await drain()
      throw new RollcallError('RC_LISTEN_FAILED', (cause as Error).message, { cause })
    }
  }

  /** Refuses requests until none comes, but not for long. */
  async close(): Promise<void> {
    const cancel = this.#bridge.time.after(LAST_REFUSALS_MS, () => this.#http.server.closeAllConnections())
    await this.#http.close()
    cancel()
    this.#bridge.refusals.close()
  }
}
