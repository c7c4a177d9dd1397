import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Runs the README's tour as it is written and holds its output against the README's, numbers and ids aside.
 * With --write it puts the output into the README instead.
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const path = join(ROOT, 'README.md')
const readme = readFileSync(path, 'utf8')
const MARK = '===== output ====='

// A command, and what the README says it prints.
const STEP = /```sh tour\n([\s\S]*?)```\n(?:```text\n([\s\S]*?)```\n)?/g
const steps = [...readme.matchAll(STEP)].map(([, command, output]) => ({ command: command!, output }))

const folder = mkdtempSync(join(tmpdir(), 'rollcall-tour-'))
const script = steps.map(({ command }) => `set -e\n${command}echo; echo '${MARK}'\n`).join('')
const file = join(folder, 'tour.sh')
writeFileSync(file, `cd ${JSON.stringify(ROOT)}\n${script}wait\n`)
// A file takes the output, so that what the tour leaves running can't hold a pipe open.
const ran = spawnSync('bash', ['-c', `bash ${file} > ${folder}/out 2> ${folder}/err`], { timeout: 300_000 })
const printed = readFileSync(join(folder, 'out'), 'utf8').split(`${MARK}\n`)
const errors = readFileSync(join(folder, 'err'), 'utf8')
rmSync(folder, { recursive: true })
if (ran.status !== 0) throw new Error(`the tour ended with ${ran.status}: ${errors}\n${printed.join('\n')}`)

/** Without what differs from run to run: numbers, ids, hosts, widths of columns, and which of several comes first. */
const shape = (text: string): string =>
  text
    .trim()
    .replace(/[0-9a-f]{24}/g, 'ID')
    .replace(/"host":"[^"]*"/g, '"host":"HOST"')
    .replace(/-?\d[\d.:TZ-]*/g, 'N')
    .replace(/ +/g, ' ')
    .replace(/ -(?= |$)/gm, ' N')
    .replace(/^\S+(?= N N N N N of N$)/gm, 'HOST')
    .split('\n')
    .sort()
    .join('\n')

let failed = 0
for (const [i, { command, output }] of steps.entries()) {
  console.log(`$ ${command.trim()}\n${printed[i]!.trim()}\n`)
  if (output === undefined || shape(output) === shape(printed[i]!)) continue
  failed++
  console.error(`the README says:\n${output}`)
}
if (process.argv.includes('--write')) {
  let step = 0
  const written = readme.replace(STEP, (block, _command, output) => {
    const text = printed[step++]!.trimEnd()
    return output === undefined ? block : block.replace(/```text\n[\s\S]*?```\n/, () => `\`\`\`text\n${text}\n\`\`\`\n`)
  })
  writeFileSync(path, written)
} else if (failed > 0)
  throw new Error(`${failed} of ${steps.length} steps of the tour do not print what the README says`)
