import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { bytes, number, span } from '../src/bridge/http/front/words.ts'
import { THRESHOLDS } from '../src/observe/thresholds.ts'
import { ROOT, textOf } from './support/imports.ts'
import { fires, prometheusFolder, promtool } from './support/prometheus.ts'
import { alerts } from './support/queries.ts'

const ALERTS = alerts()

/** As GitHub makes them of headings. */
const ANCHORS = [...textOf('docs/operating.md').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
  heading!
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-'),
)

describe('an alert of ops/', () => {
  test.each(
    ALERTS.map(rule => [rule.alert, rule] as const),
  )('%s says in a line what to do, and where more of it is', (_, rule) => {
    const { summary, runbook } = rule.annotations
    const [, words, anchor] = /^([A-Z].+): docs\/operating\.md#([\w-]+)$/.exec(runbook) ?? []
    expect(summary).toMatch(/\.$/)
    expect(words).not.toBeUndefined()
    expect(ANCHORS).toContain(anchor)
  })

  test('has a section, and each section an alert', () => {
    const told = [...textOf('docs/operating.md').matchAll(/^### (Rollcall\w+)$/gm)].map(([, name]) => name)
    expect(told.sort()).toEqual(ALERTS.map(({ alert }) => alert).sort())
  })
})

describe('from where on somebody has to look', () => {
  const { freeBytes, lagEntries, effectMs } = THRESHOLDS
  const ruleOf = (name: string): string => ALERTS.find(({ alert }) => alert === name)!.expr

  test.each([
    ['RollcallDisk', `< ${freeBytes}`],
    ['RollcallLag', `> ${lagEntries}`],
    ['RollcallOutboxOld', `> ${effectMs / 1_000}`],
  ])('%s begins where the first page does', (name, condition) => {
    expect(ruleOf(name).split(/[()]|unless|and/)).toContainEqual(expect.stringMatching(`^ ${condition}\\s*$`))
  })

  test('is what docs/operating.md says', () => {
    const page = textOf('docs/operating.md').replaceAll(/\s+/g, ' ')
    const [free, entries, seconds] = [bytes(freeBytes), number(lagEntries), span(effectMs)]
    expect(page).toContain(`an effect that has waited for ${seconds}, less than ${free} of free disk`)
    expect(page).toContain(`a partition with more than ${entries} entries that no commit has`)
    for (const words of [`Less than ${free} is left`, `More than ${entries} entries of a partition`]) {
      expect(page).toContain(words)
    }
    expect(page).toContain(`The oldest effect has waited for over ${seconds}`)
  })
})

describe.skipIf(!prometheusFolder())('a replay that goes on', () => {
  /** Four minutes of a partition that is behind, with an effect that waits, and as many entries to be replayed. */
  const behind = (replays: boolean) =>
    Array.from({ length: 16 }, (_, n) => ({
      text: exposed({
        'rollcall_outbox_oldest_seconds{partition="0"}': 480,
        'rollcall_partition_lag_entries{partition="0",stage="apply"}': 900,
        'rollcall_partition_replay_entries{partition="0"}': replays ? 900 - n : 0,
      }),
      times: 1,
    }))
  const exposed = (samples: Record<string, number>): string =>
    Object.entries(samples)
      .map(([name, value]) => `${name} ${value}\n`)
      .join('')

  test('is neither slow, nor an effect that does not get through', async () => {
    expect(await fires(['RollcallLag', 'RollcallOutboxOld'], behind(false))).toBe('so it is')
    expect(await fires([], behind(true))).toBe('so it is')
  })
})

describe.skipIf(!prometheusFolder())('promtool finds no fault with', () => {
  test.each([
    ['config', 'prometheus.yml'],
    ['rules', 'rollcall.rules.yml'],
  ])('the %s of ops/%s', async (what, file) => {
    const { code, said } = await promtool(['check', what, join(ROOT, 'ops', file)])
    expect([code, said]).toEqual([0, expect.stringContaining('SUCCESS')])
  })
})
