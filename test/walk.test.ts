import { expect, test } from 'vitest'
import type { FoundEntry, LogPeek } from '../src/log/embedded/peek.ts'
import { Checked } from '../src/verify/checked.ts'
import { Pace } from '../src/verify/pace.ts'
import { Walk } from '../src/verify/walk.ts'
import { event } from './support/entries.ts'
import { ManualTime } from './support/time.ts'

const entry = (seq: number): FoundEntry => ({ seq, events: [event(`e${seq}`)] })
const damaged = (seq: number): FoundEntry => ({ seq, error: new Error('not as it was written') })

/** Findings in a log from 1 to 9 that holds these entries, and begins with `first` once it was read. */
async function saidOf(held: FoundEntry[], first = 1) {
  const log = {
    bounds: async () => ({ incarnation: 'one', first, last: 9 }),
    async *entries() {
      for (const each of held) yield [each]
    },
  } as unknown as LogPeek
  const [checked, counts] = [new Checked(0), { entries: 0, events: 0 }]
  const pace = new Pace(null, new ManualTime())
  await new Walk({ log, partition: 0, derivation: null, pace, checked, counts }).read(1, 9, 9)
  return [
    ...checked.said.map(said => ('seq' in said ? `${said.seq}: ${said.name} ${said.text}` : said)),
    counts.entries,
  ]
}

const ALL = [1, 2, 3, 4, 5, 6, 7, 8, 9]

test('entries that are damaged or gone are told of, all others are read', async () => {
  expect(await saidOf(ALL.map(entry))).toEqual([9])
  expect(await saidOf(ALL.map(seq => (seq === 4 || seq === 6 ? damaged(seq) : entry(seq))))).toEqual([
    '4: entry 4 not as it was written',
    '6: entry 6 not as it was written',
    9,
  ])
  expect(await saidOf([1, 2, 5, 6, 7].map(entry))).toEqual([
    '3: entries 3 to 4 not in the log any more',
    '8: entries 8 to 9 not in the log any more',
    5,
  ])
})

test('entries that were trimmed while the log was read are not gone', async () => {
  const text = 'entries before 4 were trimmed meanwhile'
  expect(await saidOf([4, 5, 6, 7, 8, 9].map(entry), 4)).toEqual([{ type: 'note', partition: 0, text }, 6])
})

test('work is held to its rate, also by a timer that rings too early', async () => {
  const time = new ManualTime()
  const pace = new Pace(100, time)
  const slept: number[] = []
  time.sleep = async ms => {
    slept.push(ms)
    await time.advance(slept.length === 1 ? ms - 1 : ms)
  }
  await pace.spend(50)
  await pace.spend(50)
  expect(slept).toEqual([500, 1, 500])
})
