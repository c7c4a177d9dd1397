import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import { memoryLiveSets } from '../src/audience/memory.ts'
import { openCheckpoints } from '../src/checkpoint/embedded/index.ts'
import type { CheckpointStore } from '../src/checkpoint/index.ts'
import { openDocuments } from '../src/documents/embedded.ts'
import type { DocumentStore } from '../src/documents/index.ts'
import { openLog } from '../src/log/embedded/writer.ts'
import type { EventLog } from '../src/log/index.ts'
import { openJetStreamLog } from '../src/log/jetstream/index.ts'
import { Processor } from '../src/partition/processor.ts'
import { formerly } from './support/former-entries.ts'
import { beat, JUNK, LONG, spoilt, WHOLE } from './support/hostile-events.ts'
import { type NatsServer, natsServerBinary, startNatsServer } from './support/nats-server.ts'
import { NOON } from './support/one-partition.ts'
import { ManualTime, toldFaults } from './support/time.ts'

const rules = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }
const SOON_MS = 4_000

/** A log, and a way into it that asks nobody. */
interface Place {
  log: EventLog
  put(events: unknown[]): Promise<unknown>
  close(): Promise<void>
}

let folder: string
let place: Place
let checkpoints: CheckpointStore
let documents: DocumentStore
let faults = toldFaults()

async function claim(): Promise<Processor> {
  faults = toldFaults()
  const time = new ManualTime(NOON)
  return Processor.claim(0, {
    ...{
      owner: 'test',
      kinds: KINDS,
      rules,
      log: place.log,
      store: checkpoints,
      documents,
      partitions: 1,
      flushMs: 10,
    },
    ...{ live: memoryLiveSets(time), time, faults },
    receiverOf: () => ({ perform: async () => ({ outcome: 'done' }) }),
  })
}

/** Claims the partition, which has to get through all that is in the log, and through it once more. */
async function throughAll(look: (processor: Processor) => unknown = () => {}): Promise<void> {
  for (const life of ['first', 'second']) {
    const seq = await place.log.append(0, [beat('bob', { at: NOON + 1 })])
    const processor = await claim()
    try {
      await expect(processor.committer.settled(seq, SOON_MS), life).resolves.toBeUndefined()
      expect([processor.stopped, await processor.partition.view('viewer', 'bob')]).toEqual([
        undefined,
        expect.objectContaining({ value: 'watching' }),
      ])
      await look(processor)
    } finally {
      await processor.drain()
    }
  }
}

const parked = ({ partition }: Processor): string[] => partition.parking.list().map(({ actor }) => actor)
const strays = (): unknown[] => faults.all.filter(([step]) => step === 'log')

const suite = (open: () => Promise<Place>): void => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
    checkpoints = openCheckpoints(join(folder, 'state'))
    documents = openDocuments({ path: join(folder, 'state') })
    place = await open()
  })
  afterEach(async () => {
    await Promise.all([place.close(), checkpoints.close(), documents.close()])
    rmSync(folder, { recursive: true })
  })

  test('a heartbeat as it was written when a path of no stream had no `stream` counts', async () => {
    const { stream: _, streamer: _1, preset: _2, ...former } = beat('ann', { path: '/' })
    await place.put([former])
    await throughAll(async processor => {
      expect(parked(processor)).toEqual([])
      const view = await processor.partition.view('viewer', 'ann')
      expect(view?.context).toMatchObject({ last: { path: '/', stream: null }, streams: [] })
      expect(processor.partition.counters.streams).toEqual(['a'])
    })
  })

  test.each([
    'viewer',
    'visitor',
    'streamer-session',
    'feed',
  ])('any field of any event of a %s may be wrong', async of => {
    const kind = KINDS.find(({ kind }) => kind === of)!
    for (const whole of WHOLE.filter(({ kind: name }) => kind.takes.includes(name))) {
      // Each has an actor of its own, so that it does not park behind another.
      const all = [...spoilt(whole)].map(([name, event]) => ({
        ...event,
        ...(event.key === whole.key && { key: `${name} ${whole.kind}` }),
      }))
      for (let n = 0; n < all.length; n += 20) await place.put(all.slice(n, n + 20))
    }
    await throughAll(({ partition }) => expect(partition.counters.streams.every(id => id.length <= 256)).toBe(true))
    const shown = await documents.find('sessions', {})
    expect(shown.filter(({ tags, showGoalPairs }) => !Array.isArray(tags) || !Array.isArray(showGoalPairs))).toEqual([])
  })

  test('a key that is no id is a stray, which is passed over and told', async () => {
    await place.put([beat(LONG), beat('é'.repeat(200)), { ...beat('x'), key: 7 }])
    const processor = await claim()
    await processor.committer.settled(await place.log.append(0, [beat('bob')]), SOON_MS)
    expect([strays().length, parked(processor)]).toEqual([1, []])
    await processor.drain()
    await throughAll()
  })

  test('what is no event is a stray', async () => {
    for (const each of JUNK) await place.put([each])
    await throughAll()
  })

  test.each([
    ['version', [99, 'watching', {}]],
    ['state', [1, 'nowhere', {}]],
    ['shape', 'garbage'],
    ['shape', null],
  ])('a snapshot of an unknown %s parks its actor (%#)', async (_, value) => {
    const { incarnation } = await place.log.bounds(0)
    const claim = await checkpoints.claim(0, 'test')
    const puts = [
      { space: 'actor' as const, names: ['viewer', 'ann', ''], value },
      { space: 'deadline' as const, names: ['viewer/ann'], value: NOON },
    ]
    await checkpoints.commit(claim, 0, { incarnation, mark: null, puts, removes: [] })
    await place.put([beat('ann')])
    await throughAll(processor => expect(parked(processor)).toEqual(['viewer/ann']))
  })
}

describe('the embedded log', () =>
  suite(async () => {
    const log = await openLog(join(folder, 'log'), 1, {})
    return { log, put: events => log.append(0, events as Event[]), close: () => log.close() }
  }))

describe.skipIf(!natsServerBinary())('the log in JetStream', () => {
  let server: NatsServer
  beforeAll(async () => {
    server = await startNatsServer()
  })
  afterAll(() => server.stop())

  suite(async () => {
    const log = await openJetStreamLog({ url: server.url, partitions: 1, settings: {} })
    const connection = await server.connect()
    const { streams } = await jetstreamManager(connection)
    const { config } = await streams.info('ROLLCALL_0')
    return {
      log,
      put: events => jetstream(connection).publish(config.subjects[0]!, formerly(events)),
      async close() {
        await log.close()
        await streams.delete('ROLLCALL_0')
        await connection.close()
      },
    }
  })
})
