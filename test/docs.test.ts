import { existsSync, globSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Operation } from '../src/bridge/http/reference/document.ts'
import type { Schema } from '../src/bridge/http/reference/schemas.ts'
import { asyncApi } from '../src/bridge/nats/asyncapi.ts'
import { VARIABLES } from '../src/config.ts'
import { COLLECTIONS } from '../src/documents/index.ts'
import { ERRORS } from '../src/errors.ts'
import { METRICS } from '../src/observe/metrics.ts'
import { described } from './support/described.ts'
import { ROOT, textOf } from './support/imports.ts'

const DOCS = ['README.md', ...globSync('docs/*.md', { cwd: ROOT })]
const { dependencies } = JSON.parse(textOf('package.json'))

/** The text from a heading to the next one of its kind. */
const sectionOf = (file: string, heading: string): string =>
  textOf(file)
    .split(/^## /m)
    .find(part => part.startsWith(`${heading}\n`)) ?? ''

/** What stands in backticks in the first column of a section's table. */
const namesIn = (section: string): string[] =>
  [...section.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
  )

const { document, routes } = await described()

const withoutNames = (route: string): string => route.replace(/\?.*/, '').replace(/:\w+/g, ':')

interface Row {
  request: string
  fields: string
  answers: string
  operations: Operation[]
}

/** The rows of the table of routes, each with what the document says of its routes. */
const ROWS = [...sectionOf('docs/http.md', 'Routes').matchAll(/^\| (`.*?) \| (.*?) ?\| (.*) \|$/gm)].map(
  ([, request = '', fields = '', answers = '']): Row => ({
    ...{ request, fields, answers },
    operations: namesIn(`| ${request} |`).flatMap(name => {
      const [verb = '', url = ''] = name.split(' ')
      const path = withoutNames(url)
      const [, found] = Object.entries(document.paths).find(([each]) => each.replace(/\{\w+\}/g, ':') === path) ?? []
      return found?.[verb.toLowerCase()] ?? []
    }),
  }),
)

const OF_PAGES = ['after', 'limit']

const queriesOf = ({ operations }: Row): string[] =>
  operations
    .flatMap(({ parameters = [] }) => parameters)
    .flatMap(({ in: place, name }) => (place === 'query' && !OF_PAGES.includes(name) ? [name] : []))

/** All fields that a schema has at its top, whichever of several it is. */
const fieldsOf = ({ properties = {}, anyOf = [] }: Schema): string[] => [
  ...Object.keys(properties),
  ...anyOf.flatMap(fieldsOf),
]

const inputsOf = ({ operations }: Row): string[] =>
  operations.flatMap(({ requestBody }) =>
    Object.values(requestBody?.content ?? {}).flatMap(each => fieldsOf(each.schema)),
  )

const wordsIn = (text: string): string[] => text.match(/\w+/g) ?? []

describe('docs/http.md', () => {
  test('lists every error code with its status and meaning, and no other', () => {
    const rows = [...textOf('docs/http.md').matchAll(/^\| `(RC_\w+)` \| (\d+) \| (.+) \|$/gm)].map(
      ([, code, status, meaning]) => [code, [Number(status), meaning]],
    )
    expect(Object.fromEntries(rows)).toEqual(ERRORS)
  })

  test('lists every route, and no other', () => {
    const listed = namesIn(sectionOf('docs/http.md', 'Routes')).map(withoutNames)
    expect(listed.sort()).toEqual(routes.map(withoutNames).sort())
  })

  test('lists every parameter of a query, and no other', () => {
    const listed = ROWS.map(({ request }) => [
      request,
      ...new Set([...request.matchAll(/[?&](\w+)/g)].map(([, name]) => name).filter(name => !OF_PAGES.includes(name!))),
    ])
    expect(listed).toEqual(ROWS.map(row => [row.request, ...new Set(queriesOf(row))]))
  })

  test('names every field of an input, and every status of an answer that is not 200', () => {
    const missing = ROWS.flatMap(row => {
      const words = wordsIn(row.fields)
      const statuses = row.operations.flatMap(({ responses }) =>
        Object.keys(responses).filter(each => /^20[1-9]/.test(each)),
      )
      return [
        ...inputsOf(row).filter(name => !words.includes(name)),
        ...statuses.filter(status => !row.answers.includes(status)),
      ].map(name => `${row.request}: ${name}`)
    })
    expect(missing).toEqual([])
  })

  test('names no field of an input that there is not', () => {
    const unknown = ROWS.filter(row => inputsOf(row).length > 0).flatMap(({ request, fields, operations }) => {
      const known = wordsIn(JSON.stringify(operations.map(({ requestBody }) => requestBody)))
      const named = [...fields.matchAll(/`([^`]+)`/g)].flatMap(([, name]) => wordsIn(name!))
      return named.filter(name => !known.includes(name)).map(name => `${request}: ${name}`)
    })
    expect(unknown).toEqual([])
  })
})

describe('docs/nats.md', () => {
  test.each([
    ['Inputs', 'receive'],
    ['Outputs', 'send'],
  ])('lists every subject of its %s, and no other', (heading, action) => {
    const { channels, operations } = asyncApi() as {
      channels: Record<string, { address: string | null }>
      operations: Record<string, { action: string }>
    }
    const addresses = Object.entries(operations)
      .filter(([, operation]) => operation.action === action)
      .map(([name]) => channels[name]!.address!.replace(/\{(\w+)\}/, '<$1>'))
    const listed = namesIn(sectionOf('docs/nats.md', heading)).filter(name => name.includes('.'))
    expect(listed.sort()).toEqual(addresses.sort())
  })
})

describe('docs/servers.md', () => {
  test('lists every collection of documents with its indexes, and no other', () => {
    const section = sectionOf('docs/servers.md', 'What MongoDB holds')
    const rows = [...section.matchAll(/^\| `([\w-]+)` \|.*\|(.*)\|$/gm)].map(([, name, indexes]) => [
      name,
      [...indexes!.matchAll(/`([^`]+)`/g)].map(([, field]) => field),
    ])
    expect(Object.fromEntries(rows)).toEqual(COLLECTIONS)
  })
})

describe('docs/configuration.md', () => {
  test('lists every setting that can be set, and no other', () => {
    const listed = namesIn(textOf('docs/configuration.md')).filter(name => /^[A-Z_]+$/.test(name))
    expect(listed.sort()).toEqual([...VARIABLES].sort())
  })
})

describe('docs/operating.md', () => {
  test('lists every command, and no other', () => {
    const commands = [...textOf('src/cli/main.ts').matchAll(/^ +(\w+): \(\) => import\(/gm)].map(([, name]) => name)
    const listed = namesIn(sectionOf('docs/operating.md', 'The command line')).map(name => name.split(' ')[1])
    expect(listed.sort()).toEqual(commands.sort())
  })

  test('lists every figure with its type, its labels and its meaning, and no other', () => {
    const rows = [...sectionOf('docs/operating.md', 'Metrics').matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) ?\| (.+) \|$/gm)]
    const listed = rows.map(([, name, type, labels, help]) => [
      name,
      { type, labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label), help },
    ])
    const all = Object.entries(METRICS).map(([name, { type, labels, help }]) => [name, { type, labels, help }])
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(all))
  })
})

describe('docs/architecture.md', () => {
  test('gives the reason of every dependency, and of no other', () => {
    const table = sectionOf('docs/architecture.md', 'Dependencies')
    const named = [...table.matchAll(/^\| ([a-z@/, -]+) \| .+ \|$/gm)].flatMap(([, names]) => names!.split(', '))
    expect(named.filter(name => name !== 'package').sort()).toEqual(Object.keys(dependencies).sort())
  })
})

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g
const FILE = /`((?:actors|bench|docs|machines|src|test|\.ci)\/[\w./-]*)`/g

/** As GitHub names the heading in an address. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '')
const anchorsOf = (file: string): string[] =>
  [...withoutCode(textOf(file)).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!))

function isThere(from: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const to = path === '' ? from : normalize(join(dirname(from), path))
  return existsSync(join(ROOT, to)) && (anchor === undefined || anchorsOf(to).includes(anchor))
}

describe.each(DOCS)('%s', file => {
  const text = withoutCode(textOf(file))

  test('has links that lead to a file and a heading that are there', () => {
    const links = [...text.matchAll(LINK)].map(([, link]) => link!).filter(link => !/^\w+:/.test(link))
    expect(links.length).toBeGreaterThan(0)
    expect(links.filter(link => !isThere(file, link))).toEqual([])
  })

  test('names files that are there', () => {
    const names = [...text.matchAll(FILE)].map(([, name]) => name!)
    expect(names.filter(name => !existsSync(join(ROOT, name)))).toEqual([])
  })

  test('says of no route that is there that it is not', () => {
    const missed = [...text.matchAll(/\bno (?:route )?`(?:[A-Z]+ )?(\/[^`]*)`/g)].map(([, path]) => path!)
    expect(missed.filter(path => path in document.paths)).toEqual([])
  })

  test('can be reached from the README', () => {
    const links = [...textOf('README.md').matchAll(LINK)].map(([, link]) => link!.split('#')[0])
    expect(file === 'README.md' || links.includes(file)).toBe(true)
  })
})
