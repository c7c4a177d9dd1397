import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { VARIABLES } from '../src/config.ts'
import { ERRORS } from '../src/errors.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

describe('the README', () => {
  test('lists every error code with its status and meaning, and no other', () => {
    const rows = [...readme.matchAll(/^\| `(RC_\w+)` \| (\d+) \| (.+) \|$/gm)].map(([, code, status, meaning]) => [
      code,
      [Number(status), meaning],
    ])
    expect(Object.fromEntries(rows)).toEqual(ERRORS)
  })

  test('names every setting that can be set', () => {
    const missing = VARIABLES.filter(name => !readme.includes(`\`${name}\``))
    expect(missing).toEqual([])
  })

  test('gives the reason of every dependency, and of no other', () => {
    const table = readme.slice(readme.indexOf('## Dependencies'))
    const named = [...table.matchAll(/^\| ([a-z@/, -]+) \| .+ \|$/gm)].flatMap(([, names]) => names!.split(', '))
    expect(named.filter(name => name !== 'package').sort()).toEqual(Object.keys(dependencies).sort())
  })
})
