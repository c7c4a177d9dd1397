import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Event } from '../../actors/event.ts'
import { type Account, History } from '../../src/effects/history.ts'
import type { Effect, Receiver } from '../../src/effects/index.ts'
import { Outbox } from '../../src/effects/outbox.ts'
import { Performer } from '../../src/effects/performer.ts'
import { Meter } from '../../src/observe/meter.ts'
import { systemTime, type Time } from '../../src/time.ts'
import { NOON } from './one-partition.ts'
import { toldFaults } from './time.ts'

/** A performer in a time of its own, in which a sleep takes no time but makes it later. */
export function virtualPerformer(receiverOf: (kind: string) => Receiver) {
  const outbox = new Outbox(new Set())
  const accounts: Account[] = []
  const told: Event[] = []
  let elapsed = 0
  const documents = {
    async upsertMany(_: string, upserts: { id: string; set: object }[]) {
      for (const { id, set } of upserts) accounts.push({ id, ...set } as Account)
    },
    find: async () => [],
  }
  const time: Time = {
    ...systemTime,
    now: () => NOON + elapsed,
    monotonic: () => elapsed,
    async sleep(ms) {
      elapsed += ms
      await nextTurn()
    },
  }
  const meter = new Meter()
  const made = new Performer({
    ...{ outbox, receiverOf, time, faults: toldFaults(), meter },
    history: new History({
      documents: documents as never,
      partition: 0,
      meter: new Meter(),
      untilDone: (_step, work) => work(),
    }),
    append: async event => told.push(event),
    done: ({ id }) => outbox.done(id),
  })
  const add = (...effects: Effect[]): void => {
    for (const each of effects) outbox.add(each)
    made.add(outbox.takeFresh())
  }
  /** Long enough for all that waits for nothing but time. */
  const idle = async (): Promise<void> => {
    for (let turn = 0; turn < 400; turn++) await nextTurn()
  }
  return { made, add, idle, outbox, accounts, told, now: time.now, elapsed: () => elapsed }
}
