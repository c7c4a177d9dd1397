import { expect, test } from 'vitest'
import type { RecordKey } from '../src/checkpoint/index.ts'
import type { Cut } from '../src/partition/cut.ts'
import type { Suspect } from '../src/verify/checked.ts'
import { Partings } from '../src/verify/parting.ts'
import { event } from './support/entries.ts'

const RECORD: RecordKey = { space: 'actor', names: ['viewer', 'ann', ''] }
const DOCUMENT = { collection: 'web-sessions', id: 'ann-1' } as const

const suspect = (kept: unknown, of: Partial<Suspect>): Suspect => ({
  difference: { type: 'difference', of: 'state', partition: 0, name: '', text: '' },
  ...{ kept, ...of },
})

/** Partings that a history of values leads to, each value of an entry of its own. */
async function partingOf(kept: unknown, history: unknown[], initial?: unknown, record = RECORD) {
  const one = suspect(kept, { record })
  const partings = new Partings([one], async () => initial)
  await partings.begin()
  for (const [i, value] of history.entries()) {
    const entry = { seq: i + 1, events: [event('other'), { ...event('it'), key: 'ann', id: `e${i + 1}` }] }
    const delta = value === undefined ? { puts: [], removes: [record] } : { puts: [{ ...record, value }], removes: [] }
    partings.take(entry, { seq: entry.seq, delta, writes: [] } as unknown as Cut)
  }
  partings.end()
  const { seq, id, of, never } = one.difference.first ?? {}
  return [seq, id, of, never]
}

test('what is kept and the log part at the first event after which they are never alike again', async () => {
  expect(await partingOf(2, [1, 2, 3, 4])).toEqual([3, 'e3', 1, undefined])
  expect(await partingOf(2, [1, 2, 3, 2, 5])).toEqual([5, 'e5', 1, undefined])
  expect(await partingOf(1, [2, 3], 1)).toEqual([1, 'e1', 1, undefined])
})

test('a count parts where it was last as it is kept, though a later window has begun since', async () => {
  const totals: RecordKey = { space: 'aggregate', names: ['totals'] }
  const kept = { attendance: 1, newest: 600_000 }
  const history = [
    { attendance: 1, newest: 300_000 },
    { attendance: 2, newest: 300_000 },
    { attendance: 2, newest: 600_000 },
  ]
  expect((await partingOf(kept, history, undefined, totals)).filter((_, i) => i !== 2)).toEqual([2, 'other', undefined])
})

test('what was never so is told with the last event that changed it', async () => {
  expect(await partingOf(9, [1, 2, 3])).toEqual([3, 'e3', 1, true])
  expect(await partingOf(9, [])).toEqual([undefined, undefined, undefined, undefined])
})

test('what is gone parts at the event that made it', async () => {
  expect(await partingOf(undefined, [1, 2])).toEqual([1, 'e1', 1, undefined])
  expect(await partingOf(1, [1, undefined])).toEqual([2, 'e2', 1, undefined])
})

test('a document that the log changes after the cut that is compared is no difference any more', async () => {
  const [one, other] = [suspect({ n: 1 }, { document: DOCUMENT }), suspect({ n: 1 }, { record: RECORD })]
  const partings = new Partings([one, other], async () => undefined)
  await partings.begin()
  partings.takeNewer({ writes: [{ ...DOCUMENT, set: null }] } as unknown as Cut)
  expect(partings.end()).toEqual([other])
})
