import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { ANYBODY } from '../src/bridge/callers.ts'
import type { Bridge } from '../src/bridge/index.ts'
import { StreamerSessions } from '../src/bridge/streamer-sessions.ts'
import { Positions } from '../src/log/positions.ts'
import { NOON, OnePartition } from './support/one-partition.ts'
import { ManualTime } from './support/time.ts'
import { world } from './support/world.ts'

/** Two bridges over one partition, each with a clock of its own. */
async function bridges(...clocks: number[]) {
  const one = await OnePartition.claim()
  const { documents, put } = world()
  const append = async (events: Event[]): Promise<Positions> => {
    await one.apply(...events)
    for (const { collection, id, set } of one.writes.splice(0)) await put(collection, id, set!)
    return new Positions()
  }
  const actor = async (_: number, kind: string, key: string) => ({ snapshot: await one.partition.view(kind, key) })
  const ask = (question: (owner: object) => unknown) => question({ actor })
  const shared = {
    ...{ documents, append, settings: { partitions: 1, prices: { preview: 0, sd: 5 } } },
    ...{
      directory: { ask, waiting: (_: unknown, work: () => unknown) => work(), settled: async () => {} },
      stamp: { forgetSession() {} },
    },
  }
  return clocks.map(now => new StreamerSessions({ ...shared, time: new ManualTime(now) } as unknown as Bridge))
}

test('a change counts that follows another one made by a clock that was ahead', async () => {
  const [ahead, behind] = await bridges(NOON + 60_000, NOON)
  const { session } = await ahead!.start({ userId: 'sam' }, ANYBODY)
  const id = String(session.id)
  expect((await behind!.setPreset(id, { preset: 'sd' }, ANYBODY)).status).toEqual({ preset: 'sd' })
  const goals = (title: string) => ({ showGoalPairs: [{ title, price: 1 }] })
  await ahead!.setGoals(id, goals('first'), ANYBODY)
  expect((await behind!.setGoals(id, goals('second'), ANYBODY)).showGoalPairs).toMatchObject([{ title: 'second' }])
  expect((await behind!.setPreset(id, { preset: 'preview' }, ANYBODY)).status).toEqual({ preset: 'preview' })
})
