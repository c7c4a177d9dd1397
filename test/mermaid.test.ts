import { expect, test } from 'vitest'
import { streamerSession } from '../machines/index.ts'
import { mermaid } from '../src/cli/looking/mermaid.ts'

test("a diagram has the machine's own edges, out of each state that has none for that event", () => {
  const own = [...streamerSession.root.transitions.keys()]
  expect(own).toContain('session.rate')
  const lines = mermaid(streamerSession, 'live').split('\n')
  for (const [name, { transitions }] of Object.entries(streamerSession.states))
    for (const event of own.filter(type => !(transitions as Map<string, unknown>).has(type)))
      expect(lines.filter(line => line.startsWith(`  ${name} --> `) && line.includes(`: ${event}`))).not.toEqual([])
})
