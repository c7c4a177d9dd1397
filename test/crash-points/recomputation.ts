import type { Event } from '../../actors/event.ts'
import { KINDS } from '../../actors/kinds.ts'
import { memoryLiveSets } from '../../src/audience/memory.ts'
import { memoryCheckpoints } from '../../src/checkpoint/memory.ts'
import type { DocumentStore } from '../../src/documents/index.ts'
import { memoryDocuments } from '../../src/documents/memory.ts'
import type { Receiver } from '../../src/effects/index.ts'
import { LogInMemory } from '../../src/log/memory.ts'
import type { Steps } from '../../src/observe/steps.ts'
import { adopt } from '../../src/ownership/adopt.ts'
import { Processor } from '../../src/partition/processor.ts'
import { adoptVisitorDay } from '../../src/receivers/adopt-visitor-day.ts'
import { Recomputation } from '../../src/recomputation/index.ts'
import type { OwnLog } from '../../src/stores.ts'
import { allRecords } from '../support/all-records.ts'
import { allDocuments } from '../support/documents.ts'
import { MINUTE, NOON } from '../support/one-partition.ts'
import { ManualTime, toldFaults } from '../support/time.ts'
import { passing, type Scene } from './crash.ts'
import { lasting } from './lasting.ts'

const RULES = { zone: 'UTC', inactivityMs: 30 * MINUTE, gapMs: 300_000, lateMs: 3_600_000 }
const CHANGE = { zone: 'Asia/Taipei', inactivityMs: RULES.inactivityMs, formerZone: 'UTC' }
const END_MS = 120_000
const DAY = 86_400_000
const nobody = Promise.race<never>([])

interface Life {
  held: LogInMemory
  store: ReturnType<typeof memoryCheckpoints>
  documents: DocumentStore
  time: ManualTime
  steps?: Steps
}

const of = (key: string, days: number[]): Event[] =>
  days.flatMap(day =>
    [0, 3, 9].map(hour => {
      const [id, ts] = [`${day}-${hour}`, NOON + day * DAY + hour * 60 * MINUTE]
      return { kind: 'web-event', key, id, at: ts, arrival: ts, visit: { id, ts, page: `/${hour}` } }
    }),
  )

function claim({ held, store, documents, time, steps }: Life): Promise<Processor> {
  const adopting = adoptVisitorDay({ documents }) as unknown as Receiver
  return Processor.claim(0, {
    ...{ owner: 'test', kinds: KINDS, rules: RULES, log: held.open({ time }), store, documents, steps },
    ...{ live: memoryLiveSets(time), partitions: 1, flushMs: 10, time, faults: toldFaults() },
    receiverOf: kind => (kind === 'visitor-day.adopt' ? adopting : { perform: async () => ({ outcome: 'done' }) }),
  })
}

/** Visits into a log, and all that follows from them. */
async function visited(life: Life, visits: ReturnType<typeof of>): Promise<void> {
  const processor = await passing(ms => life.time.advance(ms), claim(life), nobody)
  const log = life.held.open({ time: life.time })
  const seq = await passing(ms => life.time.advance(ms), log.append(0, visits), nobody)
  await passing(ms => life.time.advance(ms), processor.committer.settled(seq, 10_000), nobody)
  await passing(ms => life.time.advance(ms), processor.drain(), nobody)
}

/** A partition that goes into another zone: some days are in its state, others are known by documents alone. */
export async function recomputationScene(): Promise<Scene> {
  const made = new ManualTime(NOON + 9 * DAY)
  const documents = memoryDocuments({ time: made })
  const fresh = () => ({
    held: new LogInMemory({ partitions: 1, settings: {}, time: made }),
    ...{ store: memoryCheckpoints(), documents, time: made },
  })
  await visited(fresh(), [...of('v', [0, 1, 2]), ...of('w', [0, 2])])
  const second = fresh()
  const { held, store } = second
  await adopt({ log: held.open() as unknown as OwnLog, store, documents, partitions: 1, time: made })
  await visited(second, of('v', [2, 3]))
  let lives = 0
  const begin = made.now()
  let wall = begin
  return {
    async live(steps, died) {
      const time = new ManualTime(wall)
      const life = { ...second, time, steps }
      const run = async (): Promise<void> => {
        const processor = await passing(ms => time.advance(ms), claim(life), died)
        const { ended } = new Recomputation(
          { processor, log: held.open({ time }), store, documents, partitions: 1, time, steps },
          { id: `r${++lives}`, from: 0, visitors: null, change: CHANGE },
        )
        await passing(ms => time.advance(ms), ended, died)
        // All that is over by then is announced, however long the crash took.
        await passing(ms => time.advance(ms), time.sleep(begin + END_MS - time.now()), died)
        await passing(ms => time.advance(ms), processor.drain(), died)
      }
      await run().finally(() => {
        wall = time.now()
      })
    },
    async remains() {
      const all = [...(await allDocuments(documents))].filter(([name]) => !name.startsWith('effects '))
      const records = await allRecords(store, await store.claim(0, 'test'))
      const kept = [...records].filter(([name]) => !name.includes('"clock"'))
      return lasting({ documents: all, records: kept }, { begin, inputs: 0 })
    },
  }
}
