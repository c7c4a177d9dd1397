import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = new URL('..', import.meta.url).pathname
const FILES = globSync('{machines,actors,src}/**/*.ts', { cwd: ROOT }).sort()
const PORTS = ['log', 'checkpoint', 'documents', 'audience', 'notify']
const UNCLEAR = /^(utils?|helpers?|common|types|misc|lib)$/
const LONGEST = 260

interface Import {
  from: string
  /** a file of the project, or the name of a package */
  to: string
  atRunTime: boolean
}

const STATIC = /^(?:import|export)\s+(type\s+)?(?:([\w$*{}\s,]+?)\s*from\s*)?'([^']+)'/gm
const DYNAMIC = /\bimport\(\s*'([^']+)'\s*\)/g

/** `{ type A, type B }` leaves nothing to import at run time. */
const onlyTypes = (specifiers: string): boolean =>
  /^\{[^}]*\}$/.test(specifiers) &&
  specifiers
    .slice(1, -1)
    .split(',')
    .every(each => /^\s*(type\s.*)?$/s.test(each))

function importsOf(from: string): Import[] {
  const text = readFileSync(join(ROOT, from), 'utf8')
  const found: Import[] = []
  const add = (specifier: string, atRunTime: boolean): void => {
    const to = specifier.startsWith('.') ? normalize(join(dirname(from), specifier)) : specifier
    found.push({ from, to, atRunTime })
  }
  for (const [, type, specifiers, specifier] of text.matchAll(STATIC)) {
    add(specifier!, type === undefined && !onlyTypes(specifiers ?? ''))
  }
  for (const [, specifier] of text.matchAll(DYNAMIC)) add(specifier!, true)
  return found
}

const IMPORTS = FILES.flatMap(importsOf)
const INSIDE = IMPORTS.filter(({ to }) => to.endsWith('.ts'))
const folderOf = (file: string): string => file.split('/')[0]!
const shown = ({ from, to }: Import): string => `${from} -> ${to}`

/** Files on a way along imports that comes back to where it began, at run time. */
function cycles(): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (file: string, way: string[]): void => {
    if (way.includes(file)) found.push([...way.slice(way.indexOf(file)), file].join(' -> '))
    if (done.has(file)) return
    done.add(file)
    for (const { from, to, atRunTime } of INSIDE) if (from === file && atRunTime) visit(to, [...way, file])
  }
  for (const file of FILES) visit(file, [])
  return found
}

describe('the source', () => {
  test('imports only files that are there', () => {
    expect(INSIDE.filter(({ to }) => !existsSync(join(ROOT, to))).map(shown)).toEqual([])
  })

  test.each([
    ['machines', ['machines']],
    ['actors', ['machines', 'actors']],
    ['src', ['machines', 'actors', 'src']],
  ])('in %s imports of the project only from %j', (folder, allowed) => {
    const own = INSIDE.filter(({ from }) => folderOf(from) === folder)
    expect(own.filter(({ to }) => !allowed.includes(folderOf(to))).map(shown)).toEqual([])
  })

  test('has no import cycle at run time', () => {
    expect(cycles()).toEqual([])
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

  test(`has no file of more than ${LONGEST} lines`, () => {
    const lines = (file: string): number => readFileSync(join(ROOT, file), 'utf8').trimEnd().split('\n').length
    expect(FILES.filter(file => lines(file) > LONGEST).map(file => `${file}: ${lines(file)}`)).toEqual([])
  })
})

describe('the reader of imports', () => {
  test('finds every file that another one names', () => {
    const mentioned = FILES.flatMap(from =>
      [...readFileSync(join(ROOT, from), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, to]) => to!),
    )
    expect(IMPORTS.length).toBe(mentioned.length)
  })

  test.each([
    ['{ type A }', true],
    ['{ type A, type B }', true],
    ['{ type A, b }', false],
    ['{ typeOf }', false],
    ['* as all', false],
    ['a', false],
  ])('takes %s as types alone: %s', (specifiers, types) => {
    expect(onlyTypes(specifiers)).toBe(types)
  })
})
