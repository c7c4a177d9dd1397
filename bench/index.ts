import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cellsOf, GATES, gateOf, reaches } from './gates.ts'
import type { Row } from './measure.ts'

/**
 * Runs the programs of all claims, or those that are named, one after the other, and prints one table. With `--check` it
 * ends with 1 where a gate of `bench/gates.json` is not reached, with `--held` where what CI holds is not.
 */
const CLAIMS = ['committed', 'many-users', 'first-beat', 'nats', 'heartbeats', 'metrics']
const OTHERS = ['inspect', 'loads', 'replay', 'feed', 'log', 'visitor-day', 'abuse']
const HEAD = ['claim', 'against', 'ratio', 'gate', 'goal', 'method']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean' }, held: { type: 'boolean' } },
})
const programs = positionals.length > 0 ? positionals : [...CLAIMS, ...OTHERS]
const unknown = programs.filter(name => ![...CLAIMS, ...OTHERS].includes(name))
if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}: ${[...CLAIMS, ...OTHERS].join(', ')}`)

const rows: Row[] = []
const skipped: string[] = []
const failed: string[] = []
for (const name of programs) {
  const path = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  console.error(`bench/${name}.ts …`)
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as Row | { claim: string; skipped: string }
    if ('skipped' in said) skipped.push(`${said.claim}: skipped, ${said.skipped}`)
    else rows.push(said)
  }
  const [code] = await exited
  if (code !== 0) failed.push(`bench/${name}.ts ended with ${code}`)
}

const lines = [HEAD, ...rows.map(cellsOf)]
const widths = HEAD.map((_, column) => Math.max(...lines.map(cells => cells[column]!.length)))
const lineOf = (cells: string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
const [head, ...body] = lines.map(lineOf)
console.log([head, `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`, ...body, ...skipped].join('\n'))

const bound = values.check ? 'gate' : 'held'
if (values.check || values.held) {
  for (const row of rows) {
    const gate = gateOf(row)
    if (gate && !reaches(gate, row.ratio, gate[bound]))
      failed.push(`${row.claim} against ${row.against}: ${row.ratio.toFixed(3)}, ${bound} ${gate[bound]}`)
  }
  const isThere = (gate: (typeof GATES)[number]): boolean => rows.some(row => gateOf(row) === gate)
  // All of them where all were to run; those of a server that is missing are said to be skipped.
  if (positionals.length === 0)
    for (const gate of GATES)
      if (!isThere(gate) && !skipped.some(line => line.startsWith(gate.claim)))
        failed.push(`${gate.claim} against ${gate.against}: not measured`)
}
for (const line of failed) console.error(line)
if (failed.length > 0) process.exitCode = 1
