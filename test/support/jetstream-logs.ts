import { afterEach, beforeEach } from 'vitest'
import { type JetStreamLog, type JetStreamOptions, openJetStreamLog } from '../../src/log/jetstream/index.ts'
import { event } from './entries.ts'
import { type NatsServer, startNatsServer } from './nats-server.ts'

/** A nats-server of its own for each test, and logs in it, which end with the test. */
export class JetStreamLogs {
  server!: NatsServer
  /** the first that was opened */
  log!: JetStreamLog
  readonly #opened: JetStreamLog[] = []

  constructor() {
    beforeEach(async () => {
      this.server = await startNatsServer()
      this.log = await this.open()
    })
    afterEach(async () => {
      for (const each of this.#opened.splice(0)) await each.close()
      await this.server.stop()
    })
  }

  async open(options: Partial<JetStreamOptions> = {}): Promise<JetStreamLog> {
    this.#opened.push(await openJetStreamLog({ url: this.server.url, partitions: 3, settings: {}, ...options }))
    return this.#opened.at(-1)!
  }

  /** Entries of one event each in partition 0. */
  async fill(entries: number, from = 1, on = this.log): Promise<void> {
    for (let n = from; n < from + entries; n++) await on.append(0, [event(`e${n}`)])
  }
}
