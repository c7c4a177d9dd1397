import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { readConfig, recordedSettings } from '../../src/config.ts'
import { type Append, appender } from '../../src/log/append.ts'
import { Servers } from '../../src/observe/servers.ts'
import { Works } from '../../src/observe/work.ts'
import type { LocalOwner } from '../../src/ownership/local.ts'
import { Tenure } from '../../src/ownership/tenure.ts'
import { openOwnStores } from '../../src/stores.ts'
import { systemTime as time } from '../../src/time.ts'
import { toldFaults } from './time.ts'

export const PARTITIONS = 4
const SHARDS = 2

export interface OwnShards {
  owner: LocalOwner
  append: Append
  close(): Promise<void>
}

/** The owner of partitions in real shards, over stores of its own that are embedded. Pusher cannot be reached. */
export async function ownShards(): Promise<OwnShards> {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  const config = readConfig({
    ...{ ROLLCALL_DATA: folder, ROLLCALL_FLUSH_MS: '20' },
    ...{ ROLLCALL_SHARDS: String(SHARDS), ROLLCALL_PARTITIONS: String(PARTITIONS) },
    ...{ PUSHER_APP_ID: '1', PUSHER_KEY: 'k', PUSHER_SECRET: 's', PUSHER_HOST: '127.0.0.1', PUSHER_PORT: '9' },
    PUSHER_TLS: 'false',
  })
  const stores = await openOwnStores(config, recordedSettings(config), toldFaults())
  const logger = pino({ level: 'silent' })
  const tenure = await Tenure.begin({
    ...{ settings: config, stores, links: { nats: null, ownerLink: null }, time, logger },
    servers: new Servers({ logger, time }),
    renewChannels: async () => {},
    stopped() {},
    works: new Works(time),
    faults: { report: (step, error) => logger.error({ step, err: error }) },
  })
  await tenure.ready()
  return {
    owner: tenure.owner,
    append: appender(stores.log, PARTITIONS),
    async close() {
      await tenure.close()
      await stores.close()
      rmSync(folder, { recursive: true })
    },
  }
}
