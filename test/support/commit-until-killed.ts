import { writeSync } from 'node:fs'
import { openCheckpoints } from '../../src/checkpoint/embedded/index.ts'

/** Commits for ever, the same number as cut and in each of 200 records, and writes it when the commit is acknowledged. */
const store = openCheckpoints(process.argv[2]!)
const claim = await store.claim(0, String(process.pid))

for (let cut = claim.cut + 1; ; cut++) {
  const puts = Array.from({ length: 200 }, (_, i) => ({
    space: 'actor' as const,
    names: ['viewer', `v${i}`],
    value: { cut, filler: 'x'.repeat(i * 10) },
  }))
  await store.commit(claim, cut, { incarnation: 'log', puts, removes: [], mark: null })
  writeSync(1, `${cut}\n`)
}
