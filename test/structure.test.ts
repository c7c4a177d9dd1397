import { existsSync, globSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Import, importsOf, ROOT, textOf } from './support/imports.ts'

const FILES = globSync('{machines,actors,src}/**/*.ts', { cwd: ROOT }).sort()
const PORTS = [
  'log',
  'checkpoint',
  'documents',
  'audience',
  'notify',
  'effects',
  'feeds',
  'receivers',
  'shard',
  'ownership',
]
const TESTS = globSync('{test,bench}/**/*.ts', { cwd: ROOT }).sort()
/** Whatever differs from run to run: an own clock, a timer, a random id; `setTimeout(` as a method is another thing. */
const OF_THE_MACHINE =
  /\b(Date\.now|performance\.now|randomUUID|AbortSignal\.timeout)\b|timers\/promises|(?<!\.)\bset(Timeout|Interval|Immediate)\(|new Date\(\)/
const UNCLEAR = /^(utils?|helpers?|common|types|misc|lib)$/
const LONGEST = 260
const LONGEST_TEST = 300

/**
 * The order of imports, bottom to top: a room imports only rooms of earlier lines, and files of its own. Rooms of one
 * line do not import each other. `client` imports its own files alone: pages load it as it is.
 */
const ORDER = `
  machines
  actors
  errors
  time
  observe
  retry  one-thread
  inspect
  lmdb  nats  mongodb
  log
  checkpoint  documents
  audience  effects
  stores  notify
  partition
  feeds  past
  receivers
  recomputation
  shard
  ownership
  bridge
  config
  rollcall  repair  recompute  doctor  verify
  cli
  client
`
const LINES = ORDER.trim()
  .split('\n')
  .map(line => line.trim().split(/\s+/))
const LEVELS = new Map(LINES.flatMap((rooms, level) => rooms.map((room): [string, number] => [room, level])))

const IMPORTS = FILES.flatMap(importsOf)
const INSIDE = IMPORTS.filter(({ to }) => to.endsWith('.ts'))
const shown = ({ from, to }: Import): string => `${from} -> ${to}`

/** `src/log/embedded/writer.ts` and `src/log/index.ts` are in the room `log`, `src/time.ts` is one of its own. */
function roomOf(file: string): string {
  const [top, next = ''] = file.split('/') as [string, string?]
  return top === 'src' ? basename(next, '.ts') : top
}

/** A file that stands in src/ itself is a room, and so a folder, of its own. */
const folderOf = (file: string): string => (dirname(file) === 'src' ? file : dirname(file))

const levelOf = (file: string): number => LEVELS.get(roomOf(file)) ?? -1

/** An import of another room that does not stand on an earlier line. */
const isAgainstOrder = ({ from, to }: Import): boolean => roomOf(from) !== roomOf(to) && levelOf(to) >= levelOf(from)

/** The imports that lie on a way which comes back to where it began; `nodeOf` says what is a place on it. */
function onCircles(imports: readonly Import[], nodeOf: (file: string) => string): Import[] {
  const next = new Map<string, Set<string>>()
  for (const { from, to } of imports) {
    if (nodeOf(from) === nodeOf(to)) continue
    next.set(nodeOf(from), (next.get(nodeOf(from)) ?? new Set()).add(nodeOf(to)))
  }
  const reached = (start: string): Set<string> => {
    const seen = new Set<string>()
    const stack = [...(next.get(start) ?? [])]
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (seen.has(node)) continue
      seen.add(node)
      stack.push(...(next.get(node) ?? []))
    }
    return seen
  }
  const reach = new Map([...next.keys()].map(node => [node, reached(node)]))
  return imports.filter(({ from, to }) => nodeOf(from) !== nodeOf(to) && reach.get(nodeOf(to))?.has(nodeOf(from)))
}

const isLongerThan = (lines: number) => (file: string) => textOf(file).trimEnd().split('\n').length > lines

describe('the source', () => {
  test('imports only files that are there', () => {
    expect(INSIDE.filter(({ to }) => !existsSync(join(ROOT, to))).map(shown)).toEqual([])
  })

  test('has no room that the order does not name', () => {
    expect(FILES.filter(file => levelOf(file) < 0)).toEqual([])
  })

  test('has a file in every room that the order names', () => {
    const rooms = new Set(FILES.map(roomOf))
    expect([...LEVELS.keys()].filter(room => !rooms.has(room))).toEqual([])
  })

  test('imports from earlier rooms alone, types too', () => {
    expect(INSIDE.filter(isAgainstOrder).map(shown)).toEqual([])
  })

  test('keeps the client to itself', () => {
    const own = IMPORTS.filter(({ from }) => roomOf(from) === 'client')
    expect(own.filter(({ to }) => roomOf(to) !== 'client').map(shown)).toEqual([])
  })

  test('has no circle of rooms, types too', () => {
    expect(onCircles(INSIDE, roomOf).map(shown)).toEqual([])
  })

  test('has no circle of folders, types too', () => {
    expect(onCircles(INSIDE, folderOf).map(shown)).toEqual([])
  })

  test('has no circle of files, types too', () => {
    expect(onCircles(INSIDE, file => file).map(shown)).toEqual([])
  })

  test.each(PORTS)('has a port in src/%s that knows no implementation of it', port => {
    const own = INSIDE.filter(({ from }) => from === `src/${port}/index.ts`)
    expect(FILES).toContain(`src/${port}/index.ts`)
    expect(own.filter(({ to }) => to.startsWith(`src/${port}/`)).map(shown)).toEqual([])
  })

  test('has no file or folder whose name says nothing', () => {
    const names = new Set(FILES.flatMap(file => [...dirname(file).split('/'), basename(file, '.ts')]))
    expect([...names].filter(name => UNCLEAR.test(name))).toEqual([])
  })

  test('takes clocks, timers and random ids from one room alone', () => {
    const own = FILES.filter(file => file.startsWith('src/') && !['time', 'client', 'cli'].includes(roomOf(file)))
    expect(own.filter(file => OF_THE_MACHINE.test(textOf(file)))).toEqual([])
  })

  test(`has no file of more than ${LONGEST} lines`, () => {
    expect(FILES.filter(isLongerThan(LONGEST))).toEqual([])
  })

  test(`has tests in files of at most ${LONGEST_TEST} lines`, () => {
    expect(TESTS.filter(isLongerThan(LONGEST_TEST))).toEqual([])
  })
})

describe('the reader of imports', () => {
  test('finds every file that another one names', () => {
    const mentioned = FILES.flatMap(from =>
      [...textOf(from).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, to]) => to!),
    )
    expect(IMPORTS.length).toBe(mentioned.length)
  })
})
