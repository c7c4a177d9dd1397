import { existsSync, globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importsOf, ROOT, textOf } from './support/imports.ts'

/** A file of the list, and how far to the right it stands. */
interface Line {
  file: string
  depth: number
}

/** Files that a listed one may import though they are not listed: they decide nothing about a heartbeat. */
const ASIDE = [
  // The ways of all other inputs.
  /^src\/bridge\/(http\/(effects|feeds|front\/index|inspect(-\w+)?|metrics|operations|platform(-reads)?|pusher|reads|sessions|viewers|web-sessions)|web-events)\.ts$/,
  // The way past the routes, which asks the same by the same files, and the words of refusals.
  /^src\/bridge\/http\/(short-way|refusal)\.ts$/,
  // The words in which routes are described, and what is made of them.
  /^src\/bridge\/(answers|http\/reference\/(index|route))\.ts$/,
  // The counts of actors, and the steps of which only those hear who look.
  /^src\/(inspect\/(minute|tap)|partition\/population)\.ts$/,
  // What is counted of the work, and the slices in which others take their turn.
  /^src\/(observe\/meter|partition\/(backlog|begun|slices))\.ts$/,
  // The order of long work, which a single one does not wait for.
  /^src\/bridge\/turns\.ts$/,
  // The machine as a table, of which the tests hold that it decides as the machine does.
  /^actors\/compiled\.ts$/,
  // The sums over all partitions, behind the commit.
  /^src\/audience\/(sums|statistics)\.ts$/,
  // The rules of days, which a heartbeat has none of.
  /^src\/partition\/rules\.ts$/,
  // The places that beats were on before: what they are is decided by whoever makes them.
  /^src\/bridge\/places\.ts$/,
  // The ground.
  /^src\/(errors|time|retry|observe\/(steps|traces)|log\/hash)\.ts$/,
  // The shapes of what is handed on.
  /^(actors\/event|src\/log\/(beats|positions|rows|rows-entry)|src\/partition\/(changes|clock|cut|projections))\.ts$/,
  // The way of a partition and its actors into memory.
  /^src\/(partition\/(claim-word|deadlines|hearers|memory|names|prepare|pulses|recovery|residents?)|checkpoint\/fit|log\/(entries|fingerprint))\.ts$/,
  // The consequences of transitions: deadlines, effects, copies, updates, spans.
  /^src\/(partition\/(attendance|live-copies|presence|ticker|traces|updates|wheel)|effects\/(history|outbox|performer))\.ts$/,
]
/** Ports behind which a heartbeat is kept: an implementation of each is listed. */
const STORES = ['src/log/index.ts', 'src/checkpoint/index.ts', 'src/documents/index.ts']

function listIn(readme: string): Line[] {
  const [, list = ''] = /### One heartbeat\n[\s\S]*?```\n([\s\S]*?)\n```/.exec(readme) ?? []
  return [...list.matchAll(/^( *)(\S+)/gm)].map(([, indent, file]) => ({ file: file!, depth: indent!.length / 2 }))
}

const inside = (file: string): string[] => importsOf(file).flatMap(({ to }) => (to.endsWith('.ts') ? [to] : []))
const isPort = (file: string): boolean => /^(actors|src\/\w+)\/index\.ts$/.test(file)
const implementsPort = (file: string, port: string): boolean =>
  file.startsWith(`${dirname(port)}/`) && inside(file).includes(port)

/** Whether a file imports the other one, or a port that the other implements or that has the other as a part. */
const reaches = (from: string, to: string): boolean =>
  inside(from).some(via => via === to || (isPort(via) && (inside(via).includes(to) || implementsPort(to, via))))

/** The line that one stands under; undefined on the left. */
const parentOf = (lines: readonly Line[], i: number): Line | undefined =>
  lines.slice(0, i).findLast(({ depth }) => depth < lines[i]!.depth)

const isUnder = (lines: readonly Line[], i: number, above: Line): boolean => {
  const parent = parentOf(lines, i)
  return parent !== undefined && (parent === above || isUnder(lines, lines.indexOf(parent), above))
}

const isLeaf = (lines: readonly Line[], i: number): boolean => (lines[i + 1]?.depth ?? 0) <= lines[i]!.depth

/**
 * All in which a list differs from what the files import, types too. A file is reached by the one it stands under; on the
 * left, where the flow leaves a thread, it reads through a port that the file before it implements. Its imports never
 * stand behind it but under it. A file that calls others imports none that is neither listed nor aside.
 */
function faultsOf(lines: readonly Line[]): string[] {
  const missing = lines.filter(({ file }) => !existsSync(join(ROOT, file)))
  if (missing.length > 0) return missing.map(({ file }) => `${file} is not there`)
  return lines.flatMap((line, i) => {
    const { file, depth } = line
    const faults: string[] = []
    const [before, parent] = [lines[i - 1], parentOf(lines, i)]
    if (depth > (before?.depth ?? -1) + 1) faults.push(`${file} stands too far to the right`)
    if (parent && !reaches(parent.file, file)) faults.push(`${parent.file} does not reach ${file}`)
    if (!parent && before && !inside(file).some(port => implementsPort(before.file, port)))
      faults.push(`${file} does not read what ${before.file} wrote`)
    for (const imported of inside(file)) {
      const at = lines.findIndex(other => other.file === imported)
      if (at > i && !isUnder(lines, at, line)) faults.push(`${imported} stands behind ${file}, which imports it`)
      if (at < 0 && !isAside(file, imported, isLeaf(lines, i))) faults.push(`${imported} is not listed`)
      if (STORES.includes(imported) && !lines.some(({ file }) => implementsPort(file, imported)))
        faults.push(`nothing that is listed implements ${imported}`)
    }
    return faults
  })
}

function isAside(file: string, imported: string, callsNothing: boolean): boolean {
  if (imported.startsWith('machines/')) return file.startsWith('machines/')
  return callsNothing || isPort(imported) || ASIDE.some(aside => aside.test(imported))
}

describe('the list of one heartbeat in the README', () => {
  const lines = listIn(textOf('README.md'))
  const names = lines.map(({ file }) => file)

  test('is a way along imports, with all that those import who call others', () => {
    expect(lines.length).toBeGreaterThan(0)
    expect(faultsOf(lines)).toEqual([])
  })

  test('names a file once', () => {
    expect(names.filter((name, i) => names.indexOf(name) < i)).toEqual([])
  })

  test('leaves a file aside for one reason', () => {
    const files = globSync('{machines,actors,src}/**/*.ts', { cwd: ROOT })
    expect(files.filter(file => ASIDE.filter(aside => aside.test(file)).length > 1)).toEqual([])
  })

  test.each(names)('is not whole without %s', name => {
    expect(faultsOf(lines.filter(({ file }) => file !== name))).not.toEqual([])
  })

  // The order of two under one line, of which neither imports the other, is no matter of imports.
  const neighbours = lines.flatMap((line, i) => {
    const next = lines[i + 1]
    if (!next || (next.depth === line.depth && isLeaf(lines, i + 1) && !inside(next.file).includes(line.file)))
      return []
    return [[line.file, next.file]] as const
  })
  test.each(neighbours)('is another one where %s and %s change places', (a, b) => {
    const swapped = lines.map(line => ({ ...line, file: line.file === a ? b : line.file === b ? a : line.file }))
    expect(faultsOf(swapped)).not.toEqual([])
  })
})
