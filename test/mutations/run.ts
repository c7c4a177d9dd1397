import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MUTATIONS, type Mutation } from './mutations.ts'

/**
 * Puts each fault into a copy of the code and runs the test that has to see it: `node test/mutations/run.ts`, or with
 * words of the names of some. Ends with 0 when each test passes without its fault and fails with it.
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const copy = mkdtempSync(join(tmpdir(), 'rollcall-mutations-'))
const words = process.argv.slice(2)
const chosen = MUTATIONS.filter(({ name }) => words.length === 0 || words.some(word => name.includes(word)))

for (const file of execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n'))
  cpSync(join(ROOT, file), join(copy, file))
symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))

/** Whether what has to see the fault is content with the copy as it is. */
function passes({ seenBy }: Mutation): boolean {
  const args = seenBy
    ? ['node_modules/vitest/vitest.mjs', 'run', seenBy.file, '-t', seenBy.test]
    : ['test/simulation/histories.ts', '--seed', '1', '--histories', '300']
  return spawnSync(process.execPath, args, { cwd: copy, stdio: 'ignore' }).status === 0
}

let unseen = 0
for (const mutation of chosen) {
  const { name, file, from, to, seenBy } = mutation
  const by = seenBy ? `${seenBy.file}, ${seenBy.test}` : 'test/simulation'
  const text = readFileSync(join(ROOT, file), 'utf8')
  if (text.split(from).length !== 2) throw new Error(`${name}: ${file} has not exactly one place for it`)
  const isSound = passes(mutation)
  writeFileSync(
    join(copy, file),
    text.replace(from, () => to),
  )
  const isSeen = !passes(mutation)
  writeFileSync(join(copy, file), text)
  if (!isSound || !isSeen) unseen++
  console.log(`${isSound ? (isSeen ? 'seen' : 'NOT SEEN') : 'FAILS WITHOUT IT'}  ${name}  (${by})`)
}
rmSync(copy, { recursive: true })
process.exit(unseen > 0 ? 1 : 0)
