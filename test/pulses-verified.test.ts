import { expect, test } from 'vitest'
import type { Event } from '../actors/event.ts'
import { KINDS } from '../actors/kinds.ts'
import type { CheckpointRecord, RecordKey } from '../src/checkpoint/index.ts'
import type { Held } from '../src/checkpoint/peek.ts'
import { Checked } from '../src/verify/checked.ts'
import type { Derivation } from '../src/verify/derivation.ts'
import { Pace } from '../src/verify/pace.ts'
import { compareRecords } from '../src/verify/records.ts'
import { load } from './support/checkpoint-records.ts'
import { NOON, OnePartition } from './support/one-partition.ts'
import { ManualTime } from './support/time.ts'

const WHOLE = KINDS.map(({ pulse: _, ...kind }) => kind)
const PULSES: RecordKey = { space: 'aggregate', names: ['pulses'] }

const beat = (key: string, n: number): Event => {
  const at = NOON + n * 30_000
  const place = { path: '/p', stream: 'x', country: 'TW', groups: [] }
  return { ...{ kind: 'heartbeat', key, id: '', at, arrival: at }, ...place }
}

const all = ({ store, partition }: OnePartition): Promise<CheckpointRecord[]> =>
  load(store, partition.claim, { space: 'actor', names: [] }, { space: 'aggregate', names: [] })

const isOf = ({ space, names }: RecordKey, key: RecordKey): boolean =>
  space === key.space && key.names.every((name, i) => names[i] === name)

/** Differences of a state with pulses from its log, once somebody has edited these. */
async function told(edit: (value: { keys: string[]; after: number[] }) => unknown): Promise<string[]> {
  const [one, other] = [await OnePartition.claim(), await OnePartition.claim({ kinds: WHOLE })]
  for (const n of [0, 1, 2]) for (const each of [one, other]) await each.applyTogether([beat('a', n), beat('b', n)])
  expect(one.pulsed).toBe(2)
  const records = (await all(one)).map(record =>
    isOf(record, PULSES) ? { ...record, value: edit(record.value as { keys: string[]; after: number[] }) } : record,
  )
  const derived = await all(other)
  const held = {
    async *records() {
      yield* records
    },
    async *some(key: RecordKey) {
      yield* records.filter(record => isOf(record, key))
    },
    get: (key: RecordKey) => records.find(record => isOf(record, key)),
  } as unknown as Held
  const derivation = {
    async *records() {
      yield* derived
    },
    record: async (key: RecordKey) => derived.find(record => isOf(record, key)),
  } as unknown as Derivation
  const checked = new Checked(0)
  const [pace, counts] = [new Pace(null, new ManualTime()), { records: 0 }]
  await compareRecords(held, derivation, { checked, pace, counts })
  return [...checked.said, ...checked.suspects.map(({ difference }) => difference)].map(said => JSON.stringify(said))
}

test('pulses that are as the log says are no difference', async () => {
  expect(await told(value => value)).toEqual([])
})

test('pulses that somebody edited are told of, whatever they are', async () => {
  const later = await told(value => ({ ...value, after: [0, 1] }))
  expect(later).toEqual([expect.stringContaining('viewer b')])
  const gone = await told(({ keys, after, ...rest }) => ({ ...rest, keys: keys.slice(1), after: after.slice(1) }))
  expect(gone).toEqual([expect.stringContaining('viewer a')])
  const stranger = await told(({ keys, after, ...rest }) => ({ ...rest, keys: [...keys, 'z'], after: [...after, 0] }))
  expect(stranger).toEqual([expect.stringContaining('pulses viewer/z')])
  for (const value of [null, 7, { kind: 'viewer', keys: 1 }]) {
    const [first, ...others] = await told(() => value)
    expect(first).toContain('is none of pulses')
    expect(others).toHaveLength(2)
  }
})
