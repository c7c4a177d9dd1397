import { expect, test } from 'vitest'
import { dayAt, type RuleChange } from '../machines/day-rules.ts'
import { PartitionRules } from '../src/partition/rules.ts'

const MADE = { zone: 'UTC', inactivityMs: 1_800_000, gapMs: 300_000, lateMs: 3_600_000 }
const CHANGED = Date.UTC(2026, 1, 1)
const change = (from: number, zone: string) => {
  const at = CHANGED + 1
  return { kind: 'rules', key: '', id: 'r1', at, arrival: at, from, zone, inactivityMs: 1_800_000 }
}

test('rules of before a change outlive the log that was made with them', () => {
  const rules = new PartitionRules(MADE)
  rules.hear(change(CHANGED, 'Asia/Taipei'))
  const [record] = rules.takeRecords().puts

  const restored = new PartitionRules({ ...MADE, zone: 'Asia/Taipei' })
  restored.restore(record!.value as RuleChange[])
  const [before, after] = [Date.UTC(2026, 0, 10, 20), Date.UTC(2026, 1, 10, 20)]
  expect([dayAt(before, restored.now), dayAt(after, restored.now)]).toEqual(['2026-01-10', '2026-02-11'])

  restored.hear(change(CHANGED + 86_400_000, 'UTC'))
  const changes = restored.takeRecords().puts[0]!.value as RuleChange[]
  expect(changes.map(({ from }) => from)).toEqual([0, CHANGED, CHANGED + 86_400_000])
})
