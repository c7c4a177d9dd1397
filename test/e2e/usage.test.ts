import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { textOf } from '../support/imports.ts'
import { type Env, ended, type Ran, rollcall, temporaryDirectory } from '../support/server.ts'

const run = (args: string[], env: Env = {}): Promise<Ran> => ended(rollcall(args, env))

const NAMES = [
  ...['serve', 'viewers', 'sessions', 'visits', 'feed', 'effects', 'actors', 'inspect', 'owner', 'replay', 'simulate'],
  ...['doctor', 'verify', 'repair', 'recompute', 'rewind', 'top'],
]
/** What a command cannot do without, and words beside these. */
const NEEDED: Record<string, string[]> = {
  feed: ['user_livestream-global'],
  inspect: ['viewer', 'ann'],
  replay: ['-'],
  recompute: ['--from', '2026-01-31'],
  rewind: ['--from', '2026-01-31'],
}
const VALUED: Record<string, string> = {
  ...{ serve: 'port', replay: 'retry', simulate: 'seed', verify: 'rate', recompute: 'visitor', rewind: 'visitor' },
}
const callsOf = (name: string): [string, string[]][] => {
  const needed = NEEDED[name] ?? []
  const valued = VALUED[name] ?? (['doctor', 'repair'].includes(name) ? undefined : 'url')
  return [
    ['an unknown flag', [...needed, '--nonsense']],
    ...(name === 'replay' ? [] : ([['a word too much', [...needed, 'extra']]] as [string, string[]][])),
    ...(valued === undefined
      ? []
      : ([
          ['a flag without its value', [...needed, `--${valued}`]],
          ['a flag for a value', [...needed, `--${valued}`, '--help-me']],
          ['an empty value', [...needed, `--${valued}=`]],
        ] as [string, string[]][])),
  ]
}

describe('a command that is called in a way it cannot be', () => {
  test.each(NAMES)('ends with 2 before it does anything: %s', async name => {
    const data = join(temporaryDirectory(), 'data')
    const calls = callsOf(name)
    const ran = await Promise.all(calls.map(([, args]) => run([name, ...args], { ROLLCALL_DATA: data })))
    const help = new RegExp(`^RC_INVALID_INPUT: .+\\nrollcall ${name} --help lists its options`)
    const said = ran.map(({ code, stdout, stderr }) => [code, stdout, help.test(stderr)])
    expect(said).toEqual(calls.map(() => [2, '', true]))
    expect(existsSync(data)).toBe(false)
  })

  test.each([
    [['nonsense']],
    [['--nonsense', 'doctor']],
    [['nonsense', '--help']],
    [['doctor', '--version']],
    [['toString']],
    [['feed']],
    [['actors', '--json=yes']],
    [['viewers', '--json', '--table']],
    [['visits', '--user', 'ann', '--day', '2026-01-31']],
    [['visits', '--day', '2026-02-30']],
    [['sessions', '--limit', '10001']],
    [['serve', '--port', '65536']],
    [['serve', '--port', 'x']],
    [[]],
  ])('ends with 2 and says what is wrong: rollcall %j', async args => {
    const { code, stdout, stderr } = await run(args)
    expect([code, stdout, stderr.length > 0]).toEqual([2, '', true])
    expect([stderr.includes('\u001b'), /\n {4}at /.test(stderr)]).toEqual([false, false])
  })

  test('by its environment ends with 1', async () => {
    const { code, stderr } = await run(['serve', '--port', '0'], { ROLLCALL_SHARDS: '0' })
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^RC_CONFIG_INVALID: /)])
  })
})

describe('the help of the command line', () => {
  test('lists every command, and no other', async () => {
    const { code, stdout } = await run(['--help'])
    const listed = [...stdout.matchAll(/^ +([a-z]+) {4}[A-Z]/gm)].map(([, name]) => name)
    expect([code, listed.sort()]).toEqual([0, NAMES.toSorted()])
  })

  test.each(NAMES)('has an example of %s, without escapes where no terminal is', async name => {
    const { code, stdout, stderr } = await run([name, '--help'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/\nEXAMPLES\n\n( {2}.*rollcall \w+.*\n)+$/)
    expect(stdout).not.toContain('\u001b')
  })

  test('is there beside whatever else is given, and so is the version', async () => {
    const { version } = JSON.parse(textOf('package.json'))
    expect((await run(['serve', '--port', '1', '-h'])).stdout).toContain('--data=<folder>')
    expect((await run(['--version'])).stdout).toBe(`${version}\n`)
  })
})

describe('rollcall serve', () => {
  test('takes the port and the folder of its flags, which win over the environment', async () => {
    const folder = temporaryDirectory()
    const [told, unused] = [join(folder, 'told'), join(folder, 'unused')]
    const child = rollcall(['serve', '--data', told, '--port=0'], { ROLLCALL_DATA: unused, ROLLCALL_PORT: '1' })
    let output = ''
    child.stdout!.setEncoding('utf8').on('data', text => {
      output += text
      if (output.includes('"msg":"listening"')) child.kill('SIGTERM')
    })
    const { code } = await ended(child)
    const { url, dataDir } = output
      .split('\n')
      .map(line => JSON.parse(line || '{}'))
      .find(({ msg }) => msg === 'listening')
    expect([code, dataDir, new URL(url).port !== '1', existsSync(unused)]).toEqual([0, told, true, false])
  })
})
