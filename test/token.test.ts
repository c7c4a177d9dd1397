import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NOBODY } from './support/fake-platform.ts'
import { FakeRollcall } from './support/fake-rollcall.ts'
import { type Env, ended, rollcall as run, temporaryDirectory } from './support/server.ts'

const TOKEN = 'head.pay-load_1.sign~+/=='
const LINE = 'v1 - - [31/Aug/2014:06:25:02 +0200] "GET /a HTTP/1.1" 200 5 "-" "x"\n'

let rollcall: FakeRollcall
let file: string

beforeEach(async () => {
  file = join(temporaryDirectory(), 'access.log')
  writeFileSync(file, LINE)
  rollcall = new FakeRollcall()
  const body = { ...NOBODY, sessions: [] }
  rollcall.answer = ({ path }) => (/^\/(trending$|viewers$|sessions\?)/.test(path) ? { status: 200, body } : undefined)
  await rollcall.listen()
})

afterEach(() => rollcall.close())

const asked = { replay: () => [file, '--retry', '0'], simulate: () => ['--viewers', '0', '--streamers', '0'] }
type Command = keyof typeof asked
const COMMANDS = Object.keys(asked) as Command[]

const said = async (command: Command, more: string[], env: Env = {}): Promise<{ code: number | null; all: string }> => {
  const ran = await ended(run([command, ...asked[command](), '--url', rollcall.url, ...more], env))
  return { code: ran.code, all: ran.stdout + ran.stderr }
}

describe.each(COMMANDS)('the token of rollcall %s', command => {
  test.each<[string, string[], Env]>([
    ['--token', ['--token', TOKEN], {}],
    ['ROLLCALL_TOKEN', [], { ROLLCALL_TOKEN: TOKEN }],
    ['--token, whatever ROLLCALL_TOKEN is', ['--token', TOKEN], { ROLLCALL_TOKEN: 'another' }],
  ])('is sent with every request, by %s', async (_, flags, env) => {
    const { code } = await said(command, flags, env)
    expect([code, new Set(rollcall.authorizations)]).toEqual([0, new Set([`Bearer ${TOKEN}`])])
  })

  test.each<[string, string[], Env]>([
    ['neither is given', [], {}],
    ['ROLLCALL_TOKEN is empty', [], { ROLLCALL_TOKEN: '' }],
  ])('is not sent where %s', async (_, flags, env) => {
    await said(command, flags, env)
    expect(new Set(rollcall.authorizations)).toEqual(new Set([undefined]))
  })

  test('is not told where the server refuses it, but the reason is', async () => {
    const message = `The token has expired: ${TOKEN}`
    rollcall.answer = () => ({ status: 401, body: { code: 'RC_UNAUTHENTICATED', message } })
    const { code, all } = await said(command, ['--token', TOKEN])
    expect([code, all]).toEqual([
      1,
      expect.stringMatching(/^RC_UNAUTHENTICATED: .* answered 401: The token has expired/),
    ])
    expect(all).not.toContain(TOKEN)
  })

  test('is not told where no server answers', async () => {
    if (command === 'simulate') rollcall.answer = () => ({ status: 404 })
    else rollcall.answer = () => 'hang up'
    const { code, all } = await said(command, ['--token', TOKEN])
    expect([code, all.includes(TOKEN)]).toEqual([1, false])
  })

  test.each<[string, string[], Env]>([
    ['--token', ['--token', 'two words'], {}],
    ['--token', ['--token', ''], {}],
    ['--token', ['--token'], {}],
    ['ROLLCALL_TOKEN', [], { ROLLCALL_TOKEN: 'Bearer words' }],
    ['ROLLCALL_TOKEN', [], { ROLLCALL_TOKEN: 'a\nwords' }],
  ])('is refused without telling it where no header can hold it: %s %j %j', async (name, flags, env) => {
    const { code, all } = await said(command, flags, env)
    expect([code, all]).toEqual([2, expect.stringMatching(`${name} takes a (token alone|value)`)])
    expect([all.includes('words'), rollcall.authorizations]).toEqual([false, []])
  })
})

describe('a word that follows a token', () => {
  test.each([[['owner']], [['feed', 'a']]])('is not told, since it may be the token: %j', async args => {
    const { code, stderr } = await ended(run([...args, '--token', 'Bearer', TOKEN], {}))
    expect([code === 0, stderr.includes(TOKEN)]).toEqual([false, false])
  })
})

describe('rollcall replay in its own process', () => {
  const env = (): Env => ({ ROLLCALL_DATA: temporaryDirectory(), ROLLCALL_SHARDS: '1' })

  test('needs no token, also where the environment demands one of callers', async () => {
    const demanding = { ...env(), ROLLCALL_AUTH_SECRET: 'a secret of thirty-two characters', ROLLCALL_AUTH_ISSUER: 'x' }
    const { code, stdout } = await ended(run(['replay', file], demanding))
    expect([code, JSON.parse(stdout.trim().split('\n').at(-1)!)]).toMatchObject([0, { accepted: 1, sessions: 1 }])
  })

  test('is not what is meant with --token alone', async () => {
    const { code, stderr } = await ended(run(['replay', file, '--token', TOKEN], env()))
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^RC_INVALID_INPUT: --token is for the server of --url, which is not given\n/),
    ])
  })
})
