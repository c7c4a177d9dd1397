import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT, textOf } from './support/imports.ts'
import { prometheusFolder, promtool } from './support/prometheus.ts'
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

describe.skipIf(!prometheusFolder())('promtool finds no fault with', () => {
  test.each([
    ['config', 'prometheus.yml'],
    ['rules', 'rollcall.rules.yml'],
  ])('the %s of ops/%s', async (what, file) => {
    const { code, said } = await promtool(['check', what, join(ROOT, 'ops', file)])
    expect([code, said]).toEqual([0, expect.stringContaining('SUCCESS')])
  })
})
