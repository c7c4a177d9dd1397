import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Event } from '../../actors/event.ts'
import { type Config, readConfig, recordedSettings } from '../../src/config.ts'
import { documentKey } from '../../src/documents/index-entries.ts'
import { partitionOf } from '../../src/log/partition-of.ts'
import { Servers } from '../../src/observe/servers.ts'
import type { Steps } from '../../src/observe/steps.ts'
import { Works } from '../../src/observe/work.ts'
import { Tenure } from '../../src/ownership/tenure.ts'
import { recompute } from '../../src/recompute/index.ts'
import { repair } from '../../src/repair/index.ts'
import { type OwnStores, openOwnStores } from '../../src/stores.ts'
import { systemTime as time } from '../../src/time.ts'
import { allRecords } from '../support/all-records.ts'
import { allDocuments } from '../support/documents.ts'
import { event } from '../support/entries.ts'
import { flipInLog, flipInState } from '../support/flipped.ts'
import { flipAllPieces } from '../support/flipped-blobs.ts'
import { type Env, temporaryDirectory } from '../support/server.ts'
import { toldFaults } from '../support/time.ts'

const PARTITIONS = 5
const SETTINGS: Env = { ROLLCALL_PARTITIONS: String(PARTITIONS), ROLLCALL_SHARDS: '1', ROLLCALL_FLUSH_MS: '20' }
const HOUR_MS = 3_600_000
const NOON = Date.UTC(2026, 0, 1, 12)

/** A command that puts a stopped directory in order: how it is run, here or in a process of its own. */
export interface Command {
  args: string[]
  env: Env
  make(): Promise<string>
  run(folder: string, steps: Steps): Promise<void>
  remains(folder: string): Promise<unknown>
}

async function over<T>(folder: string, env: Env, work: (stores: OwnStores, config: Config) => Promise<T>): Promise<T> {
  const config = readConfig({ ...SETTINGS, ...env, ROLLCALL_DATA: folder })
  const stores = await openOwnStores(config, recordedSettings(config), toldFaults(), () => '')
  try {
    return await work(stores, config)
  } finally {
    await stores.close()
  }
}

/** Makes a directory once, then copies of it; `then` is for when nobody has it open. */
function made(
  env: Env,
  fill: (stores: OwnStores, config: Config) => Promise<void>,
  then = async (_folder: string): Promise<void> => {},
): () => Promise<string> {
  let first: Promise<string> | undefined
  return async () => {
    first ??= (async () => {
      const folder = temporaryDirectory()
      await over(folder, env, fill)
      await then(folder)
      return folder
    })()
    const folder = temporaryDirectory()
    cpSync(await first, folder, { recursive: true })
    return folder
  }
}

/** Flips a bit in the middle of an entry, of a checkpoint and of a document, once those are closed that have them open. */
async function damage(folder: string): Promise<void> {
  await flipInLog(join(folder, 'log'), 3, 2, 99)
  await flipAllPieces(join(folder, 'state'), 4, 99)
  await flipInState(join(folder, 'state'), 'documents', documentKey('statistics', 'w/2'), 99)
}

/**
 * Partitions whose log is another one, begins too late, or was lost with the checkpoint; of which an entry, or the
 * checkpoint, is damaged; and a damaged document.
 */
const broken = made(
  {},
  async ({ log, checkpoints, documents }) => {
    const commit = async (partition: number, incarnation: string, cut: number): Promise<void> => {
      const puts = [{ space: 'aggregate' as const, names: ['totals'], value: { attendance: 7 } }]
      await checkpoints.commit(await checkpoints.claim(partition, 'test'), cut, {
        ...{ incarnation, mark: null, puts, removes: [] },
      })
    }
    await commit(0, 'another', 5)
    for (let i = 0; i < 4; i++) await log.append(1, [event(`${i}`, { kind: 'of nobody' })])
    await commit(1, (await log.bounds(1)).incarnation, 1)
    await log.trim(1, 3)
    for (const partition of [3, 4]) {
      for (let i = 0; i < 3; i++) await log.append(partition, [event(`${i}`, { kind: 'of nobody' })])
      await commit(partition, (await log.bounds(partition)).incarnation, 1)
    }
    await documents.upsertMany('statistics', [{ id: 'w/2', seq: 9, set: { partition: 2 } }])
  },
  damage,
)

export const REPAIR: Command = {
  args: ['repair', '--accept-loss'],
  env: SETTINGS,
  make: broken,
  async run(folder, steps) {
    const config = readConfig({ ...SETTINGS, ROLLCALL_DATA: folder })
    for await (const _ of repair(config, { acceptLoss: true, works: new Works(time), faults: toldFaults(), steps }));
  },
  remains: folder =>
    over(folder, {}, ({ log, checkpoints }) =>
      Promise.all(
        [0, 1, 2, 3, 4].map(async partition => {
          const { incarnation, ...bounds } = await log.bounds(partition)
          const { cut, incarnation: kept } = (await checkpoints.peek(partition)) ?? { cut: null, incarnation: null }
          const records = await allRecords(checkpoints, await checkpoints.claim(partition, 'test'))
          return { bounds, cut, isOfTheLog: kept === incarnation, records: [...records.keys()] }
        }),
      ),
    ),
}

const visits = (key: string): Event[] =>
  [0, 3, 9].map(hour => {
    const [id, ts] = [`${hour}`, NOON + hour * HOUR_MS]
    return { kind: 'web-event', key, id, at: ts, arrival: ts, visit: { id, ts, page: `/${hour}` } }
  })

/** Visitors of some partitions, in UTC. */
const visited = made({ ROLLCALL_ZONE: 'UTC' }, async (stores, config) => {
  const logger = pino({ level: 'silent' })
  const links = { nats: null, ownerLink: null }
  const works = new Works(time)
  const rest = { servers: new Servers({ logger, time }), renewChannels: async () => {}, stopped() {} }
  const tenure = await Tenure.begin({
    settings: config,
    stores,
    links,
    works,
    time,
    faults: toldFaults(),
    logger,
    ...rest,
  })
  await tenure.ready()
  for (const visitor of ['a', 'b', 'c']) {
    const partition = partitionOf(visitor, PARTITIONS)
    const seq = await stores.log.append(partition, visits(visitor))
    await tenure.owner.settled(partition, seq, 10_000)
  }
  await tenure.close()
})
const TAIPEI: Env = { ...SETTINGS, ROLLCALL_ZONE: 'Asia/Taipei' }

export const RECOMPUTE: Command = {
  args: ['recompute', '--from', '2026-01-01'],
  env: TAIPEI,
  make: visited,
  async run(folder, steps) {
    const config = readConfig({ ...TAIPEI, ROLLCALL_DATA: folder })
    const options = {
      from: Date.UTC(2025, 11, 31, 16),
      visitors: null,
      works: new Works(time),
      faults: toldFaults(),
      steps,
    }
    for await (const _ of recompute(config, options));
  },
  remains: folder =>
    over(folder, TAIPEI, async ({ log, documents }) => {
      const all = [...(await allDocuments(documents))].filter(([name]) => name.startsWith('web-'))
      const shown = all.map(([name, { seq: _, ...document }]) => [name, document])
      return { shown, changed: log.changed, settings: log.settings }
    }),
}
