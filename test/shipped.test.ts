import { spawn } from 'node:child_process'
import { cpSync, globSync, symlinkSync } from 'node:fs'
import { dirname, join, matchesGlob } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ROOT, textOf } from './support/imports.ts'
import { temporaryDirectory } from './support/server.ts'

const { files, scripts } = JSON.parse(textOf('package.json')) as { files: string[]; scripts: { build: string } }

/** What the server reads as it runs, by where it lies in a checkout. */
const DOCS = ['README.md', ...globSync('docs/*.md', { cwd: ROOT })]
const PAGES = globSync('src/**/*.*', { cwd: ROOT }).filter(file => !file.endsWith('.ts'))
const OPS = globSync('ops/*', { cwd: ROOT })

const isIn = (file: string, pattern: string): boolean => matchesGlob(file, pattern) || file.startsWith(`${pattern}/`)

/** The last stage of the Dockerfile: the paths it copies from the one before, and where to. */
const COPIED = [
  ...textOf('Dockerfile')
    .split(/^FROM /m)
    .at(-1)!
    .matchAll(/^COPY --from=build (.+) (\S+)$/gm),
].flatMap(([, from, to]) => from!.split(' ').map(path => ({ path: path.replace('/rollcall/', ''), to: to! })))
const SENT = [...textOf('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, pattern]) => pattern!)

/** A path of a checkout as the build puts it into dist. */
const built = (file: string): boolean =>
  [...scripts.build.matchAll(/cp -R (\S+) (\S+)/g)].some(([, from, to]) => {
    expect(to).toBe(`dist/${dirname(from!)}/`)
    return isIn(file, from!)
  })

describe('what the server reads as it runs', () => {
  test('is some of each kind', () => {
    for (const page of ['front/page', 'inspect/page', 'reference/page'])
      expect(PAGES.filter(file => file.startsWith(`src/bridge/http/${page}/`)).length).toBeGreaterThan(0)
    expect([DOCS.length > 5, OPS.length > 2]).toEqual([true, true])
  })

  test('is built into dist where it is no documentation', () => {
    expect(PAGES.filter(file => !built(file))).toEqual([])
  })

  test('is in the package', () => {
    // A README and package.json are in every package.
    const own = [...DOCS.slice(1), ...OPS, 'bin/rollcall.js', 'dist/src/cli/main.js']
    expect(own.filter(file => !files.some(pattern => isIn(file, pattern)))).toEqual([])
  })

  test('is in the image, and sent to its build', () => {
    const own = [...DOCS, ...OPS, 'package.json', 'bin/rollcall.js']
    expect(own.filter(file => !SENT.some(pattern => isIn(file, pattern)))).toEqual([])
    expect(PAGES.filter(file => !SENT.some(pattern => isIn(file, pattern)))).toEqual([])
    expect([...own, 'dist/src/cli/main.js'].filter(file => !COPIED.some(({ path }) => isIn(file, path)))).toEqual([])
    for (const { path, to } of COPIED) expect(to).toBe(path.includes('.') ? './' : `./${path}`)
  })
})

test('a page of the documentation that did not come along is none, and no fault', { timeout: 60_000 }, async () => {
  const root = temporaryDirectory()
  for (const path of ['src', 'actors', 'machines', 'bin', 'package.json'])
    cpSync(join(ROOT, path), join(root, path), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  const settings = { ROLLCALL_PORT: '0', ROLLCALL_DATA: join(root, 'data'), ROLLCALL_SHARDS: '1' }
  const child = spawn(process.execPath, [join(root, 'bin/rollcall.js'), 'serve'], {
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\/\/[\d.]+:\d+/.exec(line)?.[0]
    if (url === undefined) continue
    for (const file of ['README.md', 'http.md']) expect((await fetch(`${url}/docs/${file}`)).status).toBe(404)
    return
  }
  expect.unreachable('it did not listen')
})
